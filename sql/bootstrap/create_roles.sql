-- The three roles of the warehouse, without passwords; safe to run twice and at once.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['dw_owner', 'dw_loader', 'dw_reader'] LOOP
        IF to_regrole(role_name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another bootstrap was a moment faster
            END;
        END IF;
    END LOOP;
    -- A managed PostgreSQL's administrator is not a superuser: it may only give a database to a role that it is a member of.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT dw_owner TO CURRENT_USER;
    END IF;
END
$$;

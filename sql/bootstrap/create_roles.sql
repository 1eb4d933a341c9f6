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
END
$$;

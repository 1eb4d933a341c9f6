-- Nobody connects to this database but the roles of the warehouse, and only its owner makes temporary tables; safe to run twice.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM public', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO dw_loader, dw_reader', current_database());
    -- Whoever may connect may make large objects, unless the superuser takes it away; a managed server's administrator cannot.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea) FROM public;
    END IF;
END
$$;

-- Tables with triggers can be distributed, now and in the sessions to come: what is made later, a month or a migration, has them too.
-- They are safe here: each writes to a table of the node that it runs on.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET citus.enable_unsafe_triggers TO on', current_database());
    PERFORM set_config('citus.enable_unsafe_triggers', 'on', false);
END
$$;

-- Makes the table that says which migration the schema is at, where it is missing, and locks it until the transaction ends: of two
-- migrations at once the second waits, then finds nothing to do. Only the owner may lock it; an advisory lock is for anybody to take.
DO $$
BEGIN
    BEGIN
        CREATE SCHEMA IF NOT EXISTS audit;
        -- As Alembic would make it.
        CREATE TABLE IF NOT EXISTS audit.schema_version (version_num varchar(32) NOT NULL CONSTRAINT schema_version_pkc PRIMARY KEY);
    EXCEPTION WHEN unique_violation OR duplicate_schema OR duplicate_table THEN
        NULL; -- another migration was a moment faster, and has ended since
    END;
    LOCK TABLE audit.schema_version IN SHARE ROW EXCLUSIVE MODE;
END
$$;

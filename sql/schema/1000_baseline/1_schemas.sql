-- The five schemas, and who may do what in them: a table that is made later has the rights of its schema from the start.
CREATE SCHEMA raw;
CREATE SCHEMA staging;
CREATE SCHEMA core;
CREATE SCHEMA mart;
-- Schema audit is there: `python -m include migrate` keeps the version of the schema in it.

COMMENT ON SCHEMA raw IS 'Responses of the services as they came; append-only.';
COMMENT ON SCHEMA staging IS 'Rows of the loads that are on their way; emptied when a load is published.';
COMMENT ON SCHEMA core IS 'Audited facts and dimensions.';
COMMENT ON SCHEMA mart IS 'Daily aggregates for readers; materialized views, refreshed by the DAG refresh_marts.';
COMMENT ON SCHEMA audit IS 'What was loaded, how it was judged, and what was set aside.';

GRANT USAGE ON SCHEMA raw, staging, core, mart, audit TO dw_loader;
GRANT USAGE ON SCHEMA core, mart TO dw_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA raw GRANT SELECT, INSERT ON TABLES TO dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA staging GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA core GRANT SELECT ON TABLES TO dw_reader, dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT SELECT ON TABLES TO dw_reader, dw_loader;
ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT, INSERT, UPDATE ON TABLES TO dw_loader;

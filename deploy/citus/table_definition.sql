-- The statements that make a table as it is here, without its triggers.
SELECT command
FROM master_get_table_ddl_events(%(table)s) AS command
WHERE command !~ '^(CREATE TRIGGER|ALTER TABLE .* ENABLE TRIGGER) ';

-- Of which views one of the views that audit.coverage reads is made.
SELECT table_name
FROM information_schema.view_table_usage
WHERE view_schema = 'audit' AND view_name = %(view)s;

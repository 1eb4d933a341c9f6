-- Bytes of the tables of each schema, with their indexes.
SELECT relnamespace::regnamespace::text AS schema_name, sum(pg_total_relation_size(oid))::float8 AS bytes
FROM pg_class
WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text IN ('raw', 'staging', 'core', 'mart', 'audit')
GROUP BY schema_name
ORDER BY schema_name;

-- The partitioned tables of core: how many partitions each has, where the last one ends, and where the newest window ends that was published.
SELECT
    parent.relname::text AS table_name,
    count(month.oid) AS partitions,
    max((regexp_match(pg_get_expr(month.relpartbound, month.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz) AS partitions_end,
    (
        SELECT max(load.window_end)
        FROM audit.load AS load
        WHERE load.source = core_table.source AND load.rows_published > 0 AND load.status = 'published'
    ) AS needed
FROM unnest(%(sources)s::text [], %(tables)s::text []) AS core_table (source, table_name)
INNER JOIN pg_class AS parent ON core_table.table_name = parent.relname AND parent.relnamespace = 'core'::regnamespace
INNER JOIN pg_partitioned_table AS partitioned ON parent.oid = partitioned.partrelid
LEFT JOIN pg_inherits AS part ON parent.oid = part.inhparent
LEFT JOIN pg_class AS month ON part.inhrelid = month.oid
GROUP BY core_table.source, parent.relname
ORDER BY parent.relname;

-- How fresh the sources and their marts are, and the run of the last publication of each.
SELECT
    freshness.source,
    freshness.mart,
    freshness.newest_data,
    freshness.data_age,
    freshness.max_data_age,
    freshness.is_data_late,
    freshness.published_at,
    freshness.mart_refreshed_at,
    freshness.mart_due_since,
    freshness.max_mart_delay,
    freshness.is_mart_late,
    freshness.last_load_id,
    load.dag_id,
    load.run_id
FROM audit.freshness AS freshness
LEFT JOIN audit.load AS load ON freshness.last_load_id = load.load_id
WHERE freshness.source = ANY(%(sources)s)
ORDER BY freshness.source, freshness.mart;

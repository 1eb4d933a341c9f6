-- How fresh each source and mart is.
SELECT
    source,
    mart,
    newest_data,
    data_age,
    max_data_age,
    is_data_late,
    mart_refreshed_at,
    mart_due_since,
    max_mart_delay,
    is_mart_late
FROM audit.freshness
ORDER BY source, mart;

-- Notes the partitions as they are now; returns the hours of those that were emptied, dropped, detached or attached since, as text, which
-- knows infinity.
WITH gone AS (
    DELETE FROM audit.weather_partition_seen
    WHERE (partition_name, storage, first_hour, end_hour) NOT IN (
        SELECT month.partition_name, month.storage, month.first_hour, month.end_hour
        FROM audit.weather_partition AS month
    )
    RETURNING first_hour, end_hour
),

come AS (
    INSERT INTO audit.weather_partition_seen
    SELECT partition_name, storage, first_hour, end_hour
    FROM audit.weather_partition
    WHERE (partition_name, storage, first_hour, end_hour) NOT IN (
        SELECT seen.partition_name, seen.storage, seen.first_hour, seen.end_hour
        FROM audit.weather_partition_seen AS seen
    )
    ON CONFLICT DO NOTHING
    RETURNING first_hour, end_hour
)

SELECT
    lower(changed.span)::text AS first_hour,
    upper(changed.span)::text AS end_hour
FROM (
    SELECT unnest(range_agg(tstzrange(both_ways.first_hour, both_ways.end_hour))) AS span
    FROM (
        SELECT first_hour, end_hour FROM gone
        UNION ALL
        SELECT first_hour, end_hour FROM come
    ) AS both_ways
) AS changed;

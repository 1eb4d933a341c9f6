-- Notes the hours of partitions that were emptied, dropped, detached or attached since as due, for all places.
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
),

changed AS (
    SELECT unnest(range_agg(tstzrange(first_hour, end_hour))) AS span
    FROM (
        SELECT first_hour, end_hour FROM gone
        UNION ALL
        SELECT first_hour, end_hour FROM come
    ) AS both_ways
)

INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT location.location_id, lower(changed.span), upper(changed.span)
FROM changed
CROSS JOIN core.location AS location
ON CONFLICT DO NOTHING;

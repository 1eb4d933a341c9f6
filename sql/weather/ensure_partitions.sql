-- Makes the month partitions that this load's staged hours need.
SELECT core.ensure_weather_partitions(min(observed_at), max(observed_at) + interval '1 hour')
FROM staging.weather
WHERE load_id = %(load_id)s
HAVING count(*) > 0;

-- Makes the months that this load's staged hours need, and the one after them, so that it is there before hours of it come. In a
-- transaction of its own: on Citus a partition has to be committed before rows can go into it, and other writers wait until it is.
SELECT core.ensure_weather_partitions(min(observed_at), max(observed_at) + interval '1 month')
FROM staging.weather
WHERE load_id = %(load_id)s
HAVING count(*) > 0;

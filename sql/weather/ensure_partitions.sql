-- Makes the months that this load needs, and the one after them, so that it is there before hours of it come. In a transaction of its
-- own: on Citus a partition has to be committed before rows can go into it, and other writers wait until it is.
SELECT core.ensure_weather_partitions(load.window_start, load.window_end + interval '1 month')
FROM audit.load AS load
WHERE
    load.load_id = %(load_id)s
    AND EXISTS (SELECT 1 FROM staging.weather AS staged WHERE staged.load_id = load.load_id);

-- The rollup, by place: the days of a place lie where its hours do.
SELECT create_distributed_table('core.weather_daily', 'location_id', colocate_with => 'core.weather')
WHERE 'core.weather_daily'::regclass NOT IN (SELECT logicalrelid FROM pg_dist_partition);

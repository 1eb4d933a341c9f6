-- The hours, by place; the months to come are distributed with them.
SELECT create_distributed_table('core.weather', 'location_id')
WHERE 'core.weather'::regclass NOT IN (SELECT logicalrelid FROM pg_dist_partition);

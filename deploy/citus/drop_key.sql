-- Until the rollup is distributed its foreign key is away: with it, core.location as a reference table would take the rollup along and
-- make it anew, without its indexes and grants.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'core.weather_daily'::regclass) THEN
        ALTER TABLE core.weather_daily DROP CONSTRAINT IF EXISTS weather_daily_location_id_fkey;
    END IF;
END
$$;

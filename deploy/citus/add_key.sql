-- The foreign key again: days go with their place.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_constraint WHERE conrelid = 'core.weather_daily'::regclass AND conname = 'weather_daily_location_id_fkey'
    ) THEN
        ALTER TABLE core.weather_daily ADD CONSTRAINT weather_daily_location_id_fkey
        FOREIGN KEY (location_id) REFERENCES core.location ON DELETE CASCADE;
    END IF;
END
$$;

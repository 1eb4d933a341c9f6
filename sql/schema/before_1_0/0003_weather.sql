-- Weather: the places, the hourly facts by month, the daily rollup that the mart reads, and staging.
CREATE TABLE core.location (
    location_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_name text NOT NULL,
    latitude numeric(9, 6) NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude numeric(9, 6) NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    country text,
    region text,
    city text,
    timezone text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (location_name, latitude, longitude)
);
GRANT UPDATE (updated_at) ON core.location TO dw_loader;

COMMENT ON TABLE core.location IS 'Tracked places, kept in step with include/seed_data.yaml by `python -m include seed`.';
COMMENT ON COLUMN core.location.latitude IS 'Degrees north, WGS 84.';
COMMENT ON COLUMN core.location.longitude IS 'Degrees east, WGS 84.';
COMMENT ON COLUMN core.location.timezone IS 'IANA name; decides the local date of an hour.';
COMMENT ON COLUMN core.location.is_active IS 'False once the place left the seed file; its history stays.';

CREATE TABLE core.weather_condition (
    weather_code smallint PRIMARY KEY,
    description text NOT NULL
);
COMMENT ON TABLE core.weather_condition IS 'WMO code table 4677 as Open-Meteo uses it (open-meteo.com/en/docs).';
INSERT INTO core.weather_condition (weather_code, description) VALUES
(0, 'Clear sky'), (1, 'Mainly clear'), (2, 'Partly cloudy'), (3, 'Overcast'), (45, 'Fog'), (48, 'Depositing rime fog'),
(51, 'Light drizzle'), (53, 'Moderate drizzle'), (55, 'Dense drizzle'), (56, 'Light freezing drizzle'), (57, 'Dense freezing drizzle'),
(61, 'Slight rain'), (63, 'Moderate rain'), (65, 'Heavy rain'), (66, 'Light freezing rain'), (67, 'Heavy freezing rain'),
(71, 'Slight snowfall'), (73, 'Moderate snowfall'), (75, 'Heavy snowfall'), (77, 'Snow grains'),
(80, 'Slight rain showers'), (81, 'Moderate rain showers'), (82, 'Violent rain showers'),
(85, 'Slight snow showers'), (86, 'Heavy snow showers'),
(95, 'Thunderstorm'), (96, 'Thunderstorm with slight hail'), (99, 'Thunderstorm with heavy hail');

-- No foreign keys on the facts: staging takes location_id, raw_id and load_id from rows that have them, and a check for each
-- of a million rows would cost more than the insert.
CREATE TABLE core.weather (
    location_id bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    temperature_celsius numeric(5, 2),
    humidity_percent numeric(5, 2),
    precipitation_mm numeric(6, 2),
    cloud_cover_percent numeric(5, 2),
    pressure_hpa numeric(6, 2),
    wind_speed_mps numeric(6, 3),
    wind_direction_degrees numeric(5, 2),
    weather_code smallint,
    raw_id bigint NOT NULL,
    load_id bigint NOT NULL,
    PRIMARY KEY (location_id, observed_at)
) PARTITION BY RANGE (observed_at);

COMMENT ON TABLE core.weather IS 'Hourly weather of the tracked places, one partition a UTC month. Weather data by Open-Meteo.com, CC BY 4.0.';
COMMENT ON COLUMN core.weather.observed_at IS 'The hour, UTC.';
COMMENT ON COLUMN core.weather.temperature_celsius IS 'Air temperature 2 m above ground, °C.';
COMMENT ON COLUMN core.weather.humidity_percent IS 'Relative humidity 2 m above ground, %.';
COMMENT ON COLUMN core.weather.precipitation_mm IS 'Rain, showers and snow that fell in the hour before observed_at, mm.';
COMMENT ON COLUMN core.weather.cloud_cover_percent IS 'Total cloud cover, % of the sky.';
COMMENT ON COLUMN core.weather.pressure_hpa IS 'Air pressure reduced to mean sea level, hPa.';
COMMENT ON COLUMN core.weather.wind_speed_mps IS 'Wind speed 10 m above ground, m/s (the service answers in km/h).';
COMMENT ON COLUMN core.weather.wind_direction_degrees IS 'Direction the wind comes from 10 m above ground, degrees clockwise from north.';
COMMENT ON COLUMN core.weather.weather_code IS 'WMO code, see core.weather_condition.';
COMMENT ON COLUMN core.weather.raw_id IS 'raw.weather_observations row the values came from.';
COMMENT ON COLUMN core.weather.load_id IS 'audit.load that last changed the row.';

CREATE FUNCTION core.ensure_weather_partitions(first_hour timestamptz, end_hour timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start timestamptz := date_trunc('month', first_hour);
    partition_name text;
BEGIN
    WHILE month_start < end_hour LOOP
        partition_name := 'weather_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass('core.' || partition_name) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('core.ensure_weather_partitions'));
            IF to_regclass('core.' || partition_name) IS NULL THEN
                -- Attaching takes a lock that readers and other publishes do not wait for; CREATE ... PARTITION OF would stop them all.
                EXECUTE format('CREATE TABLE core.%I (LIKE core.weather INCLUDING DEFAULTS INCLUDING COMMENTS)', partition_name);
                EXECUTE format(
                    'ALTER TABLE core.weather ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                    partition_name, month_start, month_start + interval '1 month'
                );
            END IF;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
END
$$;
COMMENT ON FUNCTION core.ensure_weather_partitions IS 'Creates the missing month partitions of core.weather for [first_hour, end_hour).';
REVOKE ALL ON FUNCTION core.ensure_weather_partitions FROM public;
GRANT EXECUTE ON FUNCTION core.ensure_weather_partitions TO dw_loader;
GRANT INSERT, UPDATE ON core.weather TO dw_loader;

CREATE TABLE core.weather_daily (
    location_id bigint NOT NULL REFERENCES core.location,
    observation_date date NOT NULL,
    observation_count integer NOT NULL,
    avg_temperature_celsius numeric(5, 2),
    min_temperature_celsius numeric(5, 2),
    max_temperature_celsius numeric(5, 2),
    avg_humidity_percent numeric(5, 2),
    total_precipitation_mm numeric(7, 2),
    avg_pressure_hpa numeric(6, 2),
    avg_wind_speed_mps numeric(6, 2),
    most_common_weather_code smallint,
    PRIMARY KEY (location_id, observation_date)
);
GRANT INSERT, UPDATE ON core.weather_daily TO dw_loader;

COMMENT ON TABLE core.weather_daily IS 'Rollup of core.weather by place and local date, recomputed for the days that a load touches.';
COMMENT ON COLUMN core.weather_daily.observation_date IS 'Date at the place (core.location.timezone); a day has 23 or 25 hours when clocks change.';
COMMENT ON COLUMN core.weather_daily.total_precipitation_mm IS 'Sum of the hours stamped with this local date, mm; each hour''s amount fell in the hour before its stamp.';
COMMENT ON COLUMN core.weather_daily.most_common_weather_code IS 'Most frequent WMO code of the day, the lowest one of a tie.';

CREATE TYPE staging.open_meteo_hourly AS (
    "time" timestamp [],
    temperature_2m numeric [],
    relative_humidity_2m numeric [],
    precipitation numeric [],
    cloud_cover numeric [],
    pressure_msl numeric [],
    wind_speed_10m numeric [],
    wind_direction_10m numeric [],
    weather_code numeric []
);
COMMENT ON TYPE staging.open_meteo_hourly IS 'The "hourly" object of an Open-Meteo answer, in the service''s names and units; times are UTC.';

CREATE TABLE staging.weather (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    location_id bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    temperature_celsius numeric,
    humidity_percent numeric,
    precipitation_mm numeric,
    cloud_cover_percent numeric,
    pressure_hpa numeric,
    wind_speed_mps numeric,
    wind_direction_degrees numeric,
    weather_code numeric,
    is_quarantined boolean NOT NULL DEFAULT false
);
CREATE INDEX weather_load_idx ON staging.weather (load_id);
COMMENT ON TABLE staging.weather IS 'Hours of the loads on their way to core.weather, in its units, unchecked: any number fits.';

CREATE TABLE staging.weather_unit (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    variable text NOT NULL,
    unit text NOT NULL
);
CREATE INDEX weather_unit_load_idx ON staging.weather_unit (load_id);
COMMENT ON TABLE staging.weather_unit IS 'hourly_units of the answers of a load: a unit that changed fails its audit.';

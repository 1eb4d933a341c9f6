-- Weather: from Open-Meteo's responses to the hours of each place, their rollup by local day, and the mart.

-- raw
CREATE TABLE raw.weather_observations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    location_id bigint,
    location_ids bigint [] NOT NULL,
    location_name text NOT NULL,
    latitude numeric(9, 6),
    longitude numeric(9, 6),
    source text NOT NULL,
    url text NOT NULL,
    http_status integer NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    payload text NOT NULL,
    payload_encoding text NOT NULL DEFAULT 'utf-8' CHECK (payload_encoding IN ('utf-8', 'base64')),
    problem text,
    ingested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX weather_observations_load_idx ON raw.weather_observations (load_id, attempt);
-- A replay looks for the responses of its places by window, whichever load landed them.
CREATE INDEX weather_observations_window_idx ON raw.weather_observations (location_id, window_end, window_start) WHERE problem IS NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON raw.weather_observations
FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();

COMMENT ON TABLE raw.weather_observations IS 'Open-Meteo responses. One row a place where the response could be cut; else one row for all its places.';
COMMENT ON COLUMN raw.weather_observations.attempt IS 'Extraction attempt of the load that fetched this response.';
COMMENT ON COLUMN raw.weather_observations.location_id IS 'The place; NULL when the row holds a response for several places that could not be cut.';
COMMENT ON COLUMN raw.weather_observations.location_ids IS 'All places the row holds a response for, in request order.';
COMMENT ON COLUMN raw.weather_observations.location_name IS 'Name of the place, or of all places, comma-separated.';
COMMENT ON COLUMN raw.weather_observations.latitude IS 'Degrees north as asked for; the payload names the grid cell instead.';
COMMENT ON COLUMN raw.weather_observations.longitude IS 'Degrees east as asked for; the payload names the grid cell instead.';
COMMENT ON COLUMN raw.weather_observations.source IS 'Airflow connection that answered: open_meteo or open_meteo_archive.';
COMMENT ON COLUMN raw.weather_observations.url IS 'The request, without its API key.';
COMMENT ON COLUMN raw.weather_observations.window_start IS 'First hour asked for, UTC.';
COMMENT ON COLUMN raw.weather_observations.window_end IS 'End of the hours asked for, UTC, exclusive.';
COMMENT ON COLUMN raw.weather_observations.payload IS 'The body after HTTP content decoding: this place''s exact slice of it, byte for byte.';
COMMENT ON COLUMN raw.weather_observations.payload_encoding IS 'base64 for a body that PostgreSQL text cannot hold (not UTF-8, or with a NUL byte).';
COMMENT ON COLUMN raw.weather_observations.problem IS 'What was wrong with the response; NULL for a good one. Only good ones are transformed.';

-- staging
CREATE VIEW staging.weather_response AS
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by, response.location_id, response.location_name, response.payload,
    response.window_start, response.window_end
FROM audit.load AS load
INNER JOIN raw.weather_observations AS response ON load.load_id = response.load_id AND load.attempt = response.attempt
WHERE response.problem IS NULL
UNION ALL
SELECT
    load.load_id, response.id AS raw_id, response.load_id AS landed_by, response.location_id, response.location_name, response.payload,
    greatest(response.window_start, load.window_start), least(response.window_end, load.window_end)
FROM audit.load AS load
INNER JOIN audit.load_response AS noted ON load.load_id = noted.load_id AND load.attempt = noted.attempt
INNER JOIN raw.weather_observations AS response ON noted.raw_id = response.id
WHERE load.is_replay;
COMMENT ON VIEW staging.weather_response IS
'The responses a load is made of: those that its last extraction landed; of a replay those that it found in raw.';
COMMENT ON COLUMN staging.weather_response.landed_by IS 'The load that asked for the response.';
COMMENT ON COLUMN staging.weather_response.window_start IS 'First hour of the response that counts, UTC.';
COMMENT ON COLUMN staging.weather_response.window_end IS 'End of the hours that count, UTC, exclusive.';

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
COMMENT ON TYPE staging.open_meteo_hourly IS 'The "hourly" object of an Open-Meteo response, in the service''s names and units; times are UTC.';

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
    is_in_window boolean NOT NULL DEFAULT true,
    is_quarantined boolean NOT NULL DEFAULT false,
    is_withheld boolean NOT NULL DEFAULT false
);
CREATE INDEX weather_load_idx ON staging.weather (load_id);
COMMENT ON TABLE staging.weather IS 'Hours of the loads on their way to core.weather, in its units, unchecked: any number fits.';
COMMENT ON COLUMN staging.weather.is_in_window IS 'The hour lies in the window of the response; only such hours are published.';
COMMENT ON COLUMN staging.weather.is_quarantined IS 'The row is outside a limit.';
COMMENT ON COLUMN staging.weather.is_withheld IS 'The place''s day, as this response gives it, is not trusted.';

CREATE TABLE staging.weather_unit (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    variable text NOT NULL,
    unit text NOT NULL
);
CREATE INDEX weather_unit_load_idx ON staging.weather_unit (load_id);
COMMENT ON TABLE staging.weather_unit IS 'hourly_units of the responses of a load: a unit that changed fails its audit.';

-- core: the hours. No foreign keys: staging takes location_id, raw_id and load_id from rows that have them, and a check for each of
-- a million rows would cost more than the insert.
CREATE TABLE core.weather (
    location_id bigint NOT NULL,
    observed_at timestamptz NOT NULL CONSTRAINT weather_observed_at_is_a_whole_hour CHECK (
        observed_at = date_bin('1 hour', observed_at, '2000-01-01T00:00Z')
    ),
    temperature_celsius numeric(5, 2),
    humidity_percent numeric(5, 2),
    precipitation_mm numeric(6, 2),
    cloud_cover_percent numeric(5, 2),
    pressure_hpa numeric(6, 2),
    wind_speed_mps numeric(6, 3),
    wind_direction_degrees numeric(5, 2),
    weather_code smallint,
    raw_id bigint NOT NULL,
    field_raw_ids bigint [],
    load_id bigint NOT NULL,
    PRIMARY KEY (location_id, observed_at)
) PARTITION BY RANGE (observed_at);
GRANT INSERT, UPDATE ON core.weather TO dw_loader;

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
COMMENT ON COLUMN core.weather.raw_id IS 'raw.weather_observations row that the values came from; of several, the newest.';
COMMENT ON COLUMN core.weather.field_raw_ids IS
'NULL: every value came from raw_id. Else one raw id for each of the eight values, in the order of the columns; NULL where there is no value.';
COMMENT ON COLUMN core.weather.load_id IS 'audit.load that last changed the row.';

-- Loads may need the same new month at the same time. To lock the table, other than an advisory lock, makes the session see the
-- partition that another one has made while it waited.
CREATE FUNCTION core.ensure_weather_partitions(first_hour timestamptz, end_hour timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start timestamptz := date_trunc('month', first_hour);
    month_name text;
BEGIN
    WHILE month_start < end_hour LOOP
        month_name := 'weather_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass('core.' || month_name) IS NULL THEN
            -- Readers and other publishes do not wait for this lock, which attaching takes anyway; CREATE ... PARTITION OF would stop them.
            LOCK TABLE core.weather IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('core.' || month_name) IS NULL THEN
                EXECUTE format('CREATE TABLE core.%I (LIKE core.weather INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month_name);
                EXECUTE format(
                    'ALTER TABLE core.weather ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                    month_name, month_start, month_start + interval '1 month'
                );
                -- It is empty: there is nothing in it that the rollup would have to follow.
                INSERT INTO audit.weather_partition_seen
                SELECT * FROM audit.weather_partition AS month WHERE month.partition_name = month_name;
            END IF;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
END
$$;
COMMENT ON FUNCTION core.ensure_weather_partitions IS 'Creates the missing month partitions of core.weather for [first_hour, end_hour).';
REVOKE ALL ON FUNCTION core.ensure_weather_partitions FROM public;
GRANT EXECUTE ON FUNCTION core.ensure_weather_partitions TO dw_loader;

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

-- core: their rollup. Days go with their place, or when they have no hours any more.
CREATE TABLE core.weather_daily (
    location_id bigint NOT NULL REFERENCES core.location ON DELETE CASCADE,
    observation_date date NOT NULL,
    observation_count integer NOT NULL,
    avg_temperature_celsius numeric(5, 2),
    min_temperature_celsius numeric(5, 2),
    max_temperature_celsius numeric(5, 2),
    avg_humidity_percent numeric(5, 2),
    total_precipitation_mm numeric(8, 2),
    avg_pressure_hpa numeric(6, 2),
    avg_wind_speed_mps numeric(6, 2),
    most_common_weather_code smallint,
    PRIMARY KEY (location_id, observation_date)
);
GRANT INSERT, UPDATE, DELETE ON core.weather_daily TO dw_loader;

COMMENT ON TABLE core.weather_daily IS
'Rollup of core.weather by place and local date: recomputed by each load for the days it touches, and for what audit.weather_daily_due names.';
COMMENT ON COLUMN core.weather_daily.observation_date IS
'Date at the place (core.location.timezone); a day has 23 or 25 hours when clocks change, others when a place moves to another zone.';
COMMENT ON COLUMN core.weather_daily.total_precipitation_mm IS 'Sum of the hours stamped with this local date, mm; each hour''s amount fell in the hour before its stamp.';
COMMENT ON COLUMN core.weather_daily.most_common_weather_code IS 'Most frequent WMO code of the day, the lowest one of a tie.';

-- mart: with a unique index on plain columns, so that REFRESH ... CONCURRENTLY works as typed.
CREATE MATERIALIZED VIEW mart.daily_weather_aggregates AS
SELECT
    location.location_id,
    location.location_name,
    location.city,
    location.country,
    daily.observation_date,
    daily.observation_count,
    daily.avg_temperature_celsius,
    daily.min_temperature_celsius,
    daily.max_temperature_celsius,
    daily.avg_humidity_percent,
    daily.total_precipitation_mm,
    daily.avg_pressure_hpa,
    daily.avg_wind_speed_mps,
    coalesce(condition.description, 'WMO code ' || daily.most_common_weather_code) AS most_common_conditions
FROM core.weather_daily AS daily
INNER JOIN core.location AS location USING (location_id)
LEFT JOIN core.weather_condition AS condition ON daily.most_common_weather_code = condition.weather_code
WITH DATA;
CREATE UNIQUE INDEX daily_weather_aggregates_key ON mart.daily_weather_aggregates (location_id, observation_date);
CREATE INDEX daily_weather_aggregates_date_idx ON mart.daily_weather_aggregates (observation_date);

COMMENT ON MATERIALIZED VIEW mart.daily_weather_aggregates IS
'Daily weather by place and local date, from core.weather_daily. Weather data by Open-Meteo.com, CC BY 4.0.';
COMMENT ON COLUMN mart.daily_weather_aggregates.observation_date IS 'Date at the place.';
COMMENT ON COLUMN mart.daily_weather_aggregates.observation_count IS
'Hours observed; 24, or 23 or 25 when clocks change, others when a place moves to another zone.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.min_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.max_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_humidity_percent IS '%';
COMMENT ON COLUMN mart.daily_weather_aggregates.total_precipitation_mm IS
'Sum of the hours stamped with this date, mm; each hour''s amount fell in the hour before its stamp.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_pressure_hpa IS 'hPa, reduced to mean sea level';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_wind_speed_mps IS 'm/s';
COMMENT ON COLUMN mart.daily_weather_aggregates.most_common_conditions IS 'Most frequent WMO condition of the day, in words.';

-- audit: what audit.coverage reads of every source.
CREATE VIEW audit.weather_followed AS
-- An hour is due once it has struck. In UTC, also for a session in a zone that is half an hour off.
SELECT
    location.location_id AS subject_id,
    location.location_name AS subject,
    tstzrange(
        date_trunc('hour', catchup.start_date + interval '1 hour' - interval '1 microsecond', 'UTC'),
        date_trunc('hour', now(), 'UTC') + interval '1 hour'
    ) AS span
FROM audit.catchup AS catchup
CROSS JOIN core.location AS location
WHERE catchup.source = 'weather' AND catchup.start_date < now() AND location.is_active;
COMMENT ON VIEW audit.weather_followed IS 'Places that are followed, and the hours that are due of each.';

CREATE VIEW audit.weather_present AS
SELECT
    weather.location_id AS subject_id,
    range_agg(tstzrange(weather.observed_at, weather.observed_at + interval '1 hour')) AS spans
FROM core.weather AS weather
WHERE weather.observed_at >= (SELECT catchup.start_date FROM audit.catchup AS catchup WHERE catchup.source = 'weather')
GROUP BY weather.location_id;
COMMENT ON VIEW audit.weather_present IS 'The hours that core.weather has of each place since audit.catchup.start_date.';

CREATE VIEW audit.weather_answered AS
SELECT id AS raw_id, location_id AS subject_id, window_start, window_end
FROM raw.weather_observations;
COMMENT ON VIEW audit.weather_answered IS 'What each response of raw.weather_observations was asked for.';

CREATE VIEW audit.weather_set_aside AS
SELECT
    load_id,
    (row_key ->> 'location_id')::bigint AS subject_id,
    tstzrange((row_key ->> 'observed_at')::timestamptz, (row_key ->> 'observed_at')::timestamptz + interval '1 hour') AS span,
    string_agg(expectation, ', ' ORDER BY expectation) AS limits
FROM audit.quarantine
WHERE source = 'weather'
GROUP BY load_id, row_key;
COMMENT ON VIEW audit.weather_set_aside IS 'Hours in audit.quarantine, with the limits they were outside of.';

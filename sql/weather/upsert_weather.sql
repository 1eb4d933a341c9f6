-- Upserts the audited hours into core. An hour without any value is no observation; unchanged rows are not rewritten; an
-- answer never replaces what a later answer said.
WITH offered AS (
    SELECT
        location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code::smallint AS weather_code, raw_id, load_id
    FROM staging.weather
    WHERE
        load_id = %(load_id)s
        AND NOT is_quarantined
        AND num_nonnulls(
            temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
            pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code
        ) > 0
    ORDER BY location_id, observed_at
),

changed AS (
    INSERT INTO core.weather AS core_row (
        location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code, raw_id, load_id
    )
    SELECT * FROM offered
    ON CONFLICT (location_id, observed_at) DO UPDATE SET
        temperature_celsius = excluded.temperature_celsius,
        humidity_percent = excluded.humidity_percent,
        precipitation_mm = excluded.precipitation_mm,
        cloud_cover_percent = excluded.cloud_cover_percent,
        pressure_hpa = excluded.pressure_hpa,
        wind_speed_mps = excluded.wind_speed_mps,
        wind_direction_degrees = excluded.wind_direction_degrees,
        weather_code = excluded.weather_code,
        raw_id = excluded.raw_id,
        load_id = excluded.load_id
    WHERE
        core_row.raw_id <= excluded.raw_id
        AND (
            core_row.temperature_celsius, core_row.humidity_percent, core_row.precipitation_mm, core_row.cloud_cover_percent,
            core_row.pressure_hpa, core_row.wind_speed_mps, core_row.wind_direction_degrees, core_row.weather_code
        ) IS DISTINCT FROM (
            excluded.temperature_celsius, excluded.humidity_percent, excluded.precipitation_mm, excluded.cloud_cover_percent,
            excluded.pressure_hpa, excluded.wind_speed_mps, excluded.wind_direction_degrees, excluded.weather_code
        )
    RETURNING 1
)

UPDATE audit.load
SET rows_published = (SELECT count(*) FROM offered), rows_changed = (SELECT count(*) FROM changed)
WHERE load_id = %(load_id)s AND published_at IS NULL;

-- Upserts the audited hours into core. An hour without any value is no observation; unchanged rows are not rewritten; hours
-- that core has, and that a load with later answers has read meanwhile, are left to that load.
WITH later AS (
    SELECT subject_ids, window_start, window_end
    FROM audit.later_load
    WHERE load_id = %(load_id)s
),

-- Not the hours that core lacks: the later answer had no good value for them. The bounds prune the partitions.
left_to_later AS (
    SELECT staged.location_id, staged.observed_at
    FROM later
    INNER JOIN staging.weather AS staged
        ON
            staged.location_id = ANY(later.subject_ids)
            AND later.window_start <= staged.observed_at
            AND later.window_end > staged.observed_at
    INNER JOIN core.weather AS known
        ON
            staged.location_id = known.location_id
            AND staged.observed_at = known.observed_at
            AND known.observed_at >= (SELECT load.window_start FROM audit.load AS load WHERE load.load_id = %(load_id)s)
            AND known.observed_at < (SELECT load.window_end FROM audit.load AS load WHERE load.load_id = %(load_id)s)
    WHERE staged.load_id = %(load_id)s
),

offered AS (
    SELECT
        staged.location_id,
        staged.observed_at,
        staged.temperature_celsius,
        staged.humidity_percent,
        staged.precipitation_mm,
        staged.cloud_cover_percent,
        staged.pressure_hpa,
        staged.wind_speed_mps,
        staged.wind_direction_degrees,
        staged.weather_code::smallint AS weather_code,
        staged.raw_id,
        staged.load_id
    FROM staging.weather AS staged
    WHERE
        staged.load_id = %(load_id)s
        AND NOT staged.is_quarantined
        AND num_nonnulls(
            staged.temperature_celsius, staged.humidity_percent, staged.precipitation_mm, staged.cloud_cover_percent,
            staged.pressure_hpa, staged.wind_speed_mps, staged.wind_direction_degrees, staged.weather_code
        ) > 0
        AND NOT EXISTS (
            SELECT 1 FROM left_to_later
            WHERE staged.location_id = left_to_later.location_id AND staged.observed_at = left_to_later.observed_at
        )
    ORDER BY staged.location_id, staged.observed_at
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
        (
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
WHERE load_id = %(load_id)s AND status <> 'published';

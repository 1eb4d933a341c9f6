-- The units of a load, one place on one UTC day of one response, and what the audit asks of each, in one pass over the staged hours.
-- A day is judged as the service answered it, also where the window cuts it: hours that had not struck by then are not expected. The
-- unit of a replay is then the part that the response was asked for and the replay is to have: other responses may have the rest.
WITH response AS (
    SELECT response.raw_id, response.location_id, response.window_start, response.window_end, stored.ingested_at, NULL AS problem
    FROM staging.weather_response AS response
    INNER JOIN raw.weather_observations AS stored ON response.raw_id = stored.id
    WHERE
        response.load_id = %(load_id)s
        AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
    UNION ALL
    SELECT problem.raw_id, problem.subject_id, problem.window_start, problem.window_end, problem.window_end + interval '1 day', problem.problem
    FROM staging.problem
    WHERE problem.load_id = %(load_id)s
),

expected AS (
    SELECT
        response.raw_id,
        response.location_id,
        response.window_start,
        response.window_end,
        day.span_start,
        least(24, extract(EPOCH FROM date_trunc('hour', response.ingested_at, 'UTC') + interval '1 hour' - day.span_start) / 3600)::integer AS hours,
        response.problem
    FROM response
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', response.window_start, 'UTC'), response.window_end - interval '1 second', interval '24 hours'
    ) AS day (span_start)
),

unasked AS (
    SELECT location.location_id, day.span_start
    FROM audit.load AS load
    CROSS JOIN LATERAL unnest(load.subject_ids) AS location (location_id)
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', load.window_start, 'UTC'), load.window_end - interval '1 second', interval '24 hours'
    ) AS day (span_start)
    WHERE load.load_id = %(load_id)s AND NOT load.is_replay
    EXCEPT
    SELECT expected.location_id, expected.span_start
    FROM expected
),

unit AS (
    SELECT raw_id, location_id, window_start, window_end, span_start, hours, problem
    FROM expected
    UNION ALL
    SELECT NULL, location_id, NULL, NULL, span_start, 24, 'no response was landed'
    FROM unasked
),

measured AS (
    SELECT
        staged.raw_id,
        staged.location_id,
        date_bin('24 hours', staged.observed_at, '2000-01-01T00:00Z') AS span_start,
        count(*) AS hours_staged,
        count(*) FILTER (WHERE staged.is_in_window) AS rows_staged,
        count(*) FILTER (WHERE staged.is_quarantined) AS rows_set_aside,
        bit_or(1 << extract(HOUR FROM staged.observed_at AT TIME ZONE 'UTC')::integer)
        FILTER (WHERE staged.observed_at = date_trunc('hour', staged.observed_at, 'UTC')) AS hours_present,
        count(*) FILTER (
            WHERE num_nonnulls(
                staged.temperature_celsius, staged.humidity_percent, staged.precipitation_mm, staged.cloud_cover_percent,
                staged.pressure_hpa, staged.wind_speed_mps, staged.wind_direction_degrees, staged.weather_code
            ) > 0
        ) AS known_hours,
        count(*) FILTER (WHERE staged.weather_code <> trunc(staged.weather_code)) AS broken_codes,
        count(staged.temperature_celsius) AS temperatures,
        count(staged.humidity_percent) AS humidities,
        count(staged.precipitation_mm) AS precipitations,
        count(staged.cloud_cover_percent) AS cloud_covers,
        count(staged.pressure_hpa) AS pressures,
        count(staged.wind_speed_mps) AS wind_speeds,
        count(staged.wind_direction_degrees) AS wind_directions,
        count(staged.weather_code) AS weather_codes,
        min(staged.temperature_celsius)::float8 AS lowest_temperature_celsius,
        max(staged.temperature_celsius)::float8 AS highest_temperature_celsius,
        min(staged.humidity_percent)::float8 AS lowest_humidity_percent,
        max(staged.humidity_percent)::float8 AS highest_humidity_percent,
        min(staged.precipitation_mm)::float8 AS lowest_precipitation_mm,
        max(staged.precipitation_mm)::float8 AS highest_precipitation_mm,
        min(staged.cloud_cover_percent)::float8 AS lowest_cloud_cover_percent,
        max(staged.cloud_cover_percent)::float8 AS highest_cloud_cover_percent,
        min(staged.pressure_hpa)::float8 AS lowest_pressure_hpa,
        max(staged.pressure_hpa)::float8 AS highest_pressure_hpa,
        min(staged.wind_speed_mps)::float8 AS lowest_wind_speed_mps,
        max(staged.wind_speed_mps)::float8 AS highest_wind_speed_mps,
        min(staged.wind_direction_degrees)::float8 AS lowest_wind_direction_degrees,
        max(staged.wind_direction_degrees)::float8 AS highest_wind_direction_degrees,
        min(staged.weather_code)::float8 AS lowest_weather_code,
        max(staged.weather_code)::float8 AS highest_weather_code
    FROM staging.weather AS staged
    WHERE staged.load_id = %(load_id)s
    GROUP BY staged.raw_id, staged.location_id, span_start
),

changed AS (
    SELECT response.raw_id, string_agg(format('%%s in %%s', expected.key, coalesce(unit.unit, 'none')), ', ' ORDER BY expected.key) AS units
    FROM response
    CROSS JOIN jsonb_each_text(%(units)s::jsonb) AS expected
    LEFT JOIN staging.weather_unit AS unit
        ON response.raw_id = unit.raw_id AND expected.key = unit.variable AND unit.load_id = %(load_id)s
    WHERE response.problem IS NULL AND unit.unit IS DISTINCT FROM expected.value
    GROUP BY response.raw_id
),

-- Those of the load alone: joined with all, a load of a hundred places reads every one that is followed.
place AS (
    SELECT location.location_id, location.location_name
    FROM audit.load AS load
    INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
    WHERE load.load_id = %(load_id)s
)

SELECT
    array_remove(ARRAY[unit.raw_id], NULL) AS raw_ids,
    unit.location_id AS subject_id,
    place.location_name AS subject,
    place.location_name AS name,
    CASE WHEN load.is_replay THEN greatest(unit.span_start, unit.window_start) ELSE unit.span_start END AS span_start,
    least(unit.span_start + interval '24 hours', CASE WHEN load.is_replay THEN unit.window_end END) AS span_end,
    coalesce(measured.rows_staged, 0) AS rows_staged,
    unit.problem,
    changed.units AS changed_units,
    unit.hours - bit_count((coalesce(measured.hours_present, 0) & ((1 << unit.hours) - 1))::bit(32)) AS missing_hours,
    coalesce(measured.hours_staged - bit_count(coalesce(measured.hours_present, 0)::bit(32)), 0) AS other_hours,
    coalesce(measured.known_hours, 0) AS known_hours,
    CASE
        WHEN measured.rows_set_aside > greatest(1, measured.hours_staged * %(most_set_aside)s) THEN measured.rows_set_aside ELSE 0
    END AS too_many_set_aside,
    nullif(
        concat_ws(
            ', ',
            CASE WHEN measured.temperatures < measured.hours_staged * (1 - %(most_unknown)s) THEN 'temperature_celsius' END,
            CASE WHEN measured.humidities < measured.hours_staged * (1 - %(most_unknown)s) THEN 'humidity_percent' END,
            CASE WHEN measured.precipitations < measured.hours_staged * (1 - %(most_unknown)s) THEN 'precipitation_mm' END,
            CASE WHEN measured.cloud_covers < measured.hours_staged * (1 - %(most_unknown)s) THEN 'cloud_cover_percent' END,
            CASE WHEN measured.pressures < measured.hours_staged * (1 - %(most_unknown)s) THEN 'pressure_hpa' END,
            CASE WHEN measured.wind_speeds < measured.hours_staged * (1 - %(most_unknown)s) THEN 'wind_speed_mps' END,
            CASE WHEN measured.wind_directions < measured.hours_staged * (1 - %(most_unknown)s) THEN 'wind_direction_degrees' END,
            CASE WHEN measured.weather_codes < measured.hours_staged * (1 - %(most_unknown)s) THEN 'weather_code' END
        ),
        ''
    ) AS unknown_columns,
    coalesce(measured.broken_codes, 0) AS broken_codes,
    measured.lowest_temperature_celsius, measured.highest_temperature_celsius,
    measured.lowest_humidity_percent, measured.highest_humidity_percent,
    measured.lowest_precipitation_mm, measured.highest_precipitation_mm,
    measured.lowest_cloud_cover_percent, measured.highest_cloud_cover_percent,
    measured.lowest_pressure_hpa, measured.highest_pressure_hpa,
    measured.lowest_wind_speed_mps, measured.highest_wind_speed_mps,
    measured.lowest_wind_direction_degrees, measured.highest_wind_direction_degrees,
    measured.lowest_weather_code, measured.highest_weather_code
FROM unit
INNER JOIN audit.load AS load ON load.load_id = %(load_id)s
LEFT JOIN place ON unit.location_id = place.location_id
LEFT JOIN measured
    ON unit.raw_id = measured.raw_id AND unit.location_id = measured.location_id AND unit.span_start = measured.span_start
LEFT JOIN changed ON unit.raw_id = changed.raw_id
ORDER BY unit.location_id, unit.span_start, unit.raw_id;

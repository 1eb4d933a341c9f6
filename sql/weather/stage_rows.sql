-- Parses the responses that the load is made of into hours, in the units of core. Set-based: one pass, no row by row.
-- The service answers whole days, and a day is judged as a whole: its hours beside the window are staged for that, as far as they
-- had struck when the response came, and are not published.
-- The bounds as the service writes its hours, without a zone: reckoned once a response, not once an hour.
WITH response AS MATERIALIZED (
    SELECT
        response.load_id,
        response.raw_id,
        response.location_id,
        response.payload,
        response.window_start AT TIME ZONE 'UTC' AS window_start,
        response.window_end AT TIME ZONE 'UTC' AS window_end,
        date_trunc('day', response.window_start AT TIME ZONE 'UTC') AS first_hour,
        date_trunc('day', (response.window_end - interval '1 second') AT TIME ZONE 'UTC') + interval '24 hours' AS end_hour,
        stored.ingested_at AT TIME ZONE 'UTC' AS ingested_at
    FROM staging.weather_response AS response
    INNER JOIN raw.weather_observations AS stored ON response.raw_id = stored.id
    WHERE
        response.load_id = %(load_id)s
        AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
),

-- Arrays side by side, the shorter ones filled up with NULL. In the select list, for in FROM unnest would write its rows down first.
hour AS (
    SELECT
        response.*,
        unnest(hourly."time") AS observed_at,
        unnest(hourly.temperature_2m) AS temperature_2m,
        unnest(hourly.relative_humidity_2m) AS relative_humidity_2m,
        unnest(hourly.precipitation) AS precipitation,
        unnest(hourly.cloud_cover) AS cloud_cover,
        unnest(hourly.pressure_msl) AS pressure_msl,
        unnest(hourly.wind_speed_10m) AS wind_speed_10m,
        unnest(hourly.wind_direction_10m) AS wind_direction_10m,
        unnest(hourly.weather_code) AS weather_code
    FROM response
    CROSS JOIN LATERAL json_populate_record(NULL::staging.open_meteo_hourly, response.payload::json -> 'hourly') AS hourly
)

INSERT INTO staging.weather (
    load_id, raw_id, location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
    pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code, is_in_window
)
SELECT
    load_id,
    raw_id,
    location_id,
    observed_at AT TIME ZONE 'UTC',
    temperature_2m,
    relative_humidity_2m,
    precipitation,
    cloud_cover,
    pressure_msl,
    round(wind_speed_10m / 3.6, 3),
    wind_direction_10m,
    weather_code,
    observed_at >= window_start AND observed_at < window_end
FROM hour
WHERE
    observed_at >= first_hour
    AND observed_at < end_hour
    AND observed_at <= ingested_at;

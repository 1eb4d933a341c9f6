-- Parses the responses that the load is made of into hours, in the units of core, and the units that they name. Set-based: each response
-- is parsed once, no row by row.
-- The service answers whole days, and a day is judged as a whole: its hours beside the window are staged for that, as far as they
-- had struck when the response came, and are not published.
-- The bounds as the service writes its hours, without a zone: reckoned once a response, not once an hour.
WITH response AS MATERIALIZED (
    SELECT
        response.load_id,
        response.raw_id,
        response.location_id,
        response.window_start AT TIME ZONE 'UTC' AS window_start,
        response.window_end AT TIME ZONE 'UTC' AS window_end,
        date_trunc('day', response.window_start AT TIME ZONE 'UTC') AS first_hour,
        date_trunc('day', (response.window_end - interval '1 second') AT TIME ZONE 'UTC') + interval '24 hours' AS end_hour,
        stored.ingested_at AT TIME ZONE 'UTC' AS ingested_at,
        hourly.*,
        document.hourly_units
    FROM staging.weather_response AS response
    INNER JOIN raw.weather_observations AS stored ON response.raw_id = stored.id
    CROSS JOIN LATERAL json_populate_record(NULL::staging.open_meteo_response, response.payload::json) AS document
    -- JSON's null has to fail, as anything else that is no object: NULL would pass for no hours.
    CROSS JOIN LATERAL json_populate_record(NULL::staging.open_meteo_hourly, coalesce(document.hourly, 'null')) AS hourly
    WHERE
        response.load_id = %(load_id)s
        AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
),

-- The places of a load have the same hours, and a timestamp takes longer to read than any number.
calendar AS MATERIALIZED (
    SELECT written.time, ARRAY(SELECT hour.value::timestamp FROM json_array_elements_text(written.time::json) AS hour) AS hours
    FROM (SELECT DISTINCT response.time FROM response) AS written
),

-- Arrays side by side, the shorter ones filled up with NULL. In the select list, for in FROM unnest would write its rows down first.
hour AS (
    SELECT
        response.load_id,
        response.raw_id,
        response.location_id,
        response.window_start,
        response.window_end,
        response.first_hour,
        response.end_hour,
        response.ingested_at,
        unnest(calendar.hours) AS observed_at,
        unnest(response.temperature_2m) AS temperature_2m,
        unnest(response.relative_humidity_2m) AS relative_humidity_2m,
        unnest(response.precipitation) AS precipitation,
        unnest(response.cloud_cover) AS cloud_cover,
        unnest(response.pressure_msl) AS pressure_msl,
        unnest(response.wind_speed_10m) AS wind_speed_10m,
        unnest(response.wind_direction_10m) AS wind_direction_10m,
        unnest(response.weather_code) AS weather_code
    FROM response
    INNER JOIN calendar ON response.time = calendar.time
),

-- Nobody reads it, and it is carried out all the same.
unit AS ( -- noqa: ST03
    INSERT INTO staging.weather_unit (load_id, raw_id, variable, unit)
    SELECT response.load_id, response.raw_id, named.key, named.value
    FROM response
    CROSS JOIN LATERAL json_each_text(response.hourly_units) AS named
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

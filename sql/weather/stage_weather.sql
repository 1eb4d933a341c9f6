-- Parses the answers that the load is made of into hours, in the units of core. Set-based: one pass, no row by row.
-- The service answers whole days: hours outside the window that was asked for are left out.
INSERT INTO staging.weather (
    load_id, raw_id, location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
    pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code
)
SELECT
    answer.load_id,
    answer.raw_id,
    answer.location_id,
    hour.observed_at AT TIME ZONE 'UTC',
    hour.temperature_2m,
    hour.relative_humidity_2m,
    hour.precipitation,
    hour.cloud_cover,
    hour.pressure_msl,
    round(hour.wind_speed_10m / 3.6, 3),
    hour.wind_direction_10m,
    hour.weather_code
FROM staging.weather_answer AS answer
CROSS JOIN LATERAL jsonb_populate_record(NULL::staging.open_meteo_hourly, answer.payload::jsonb -> 'hourly') AS hourly
CROSS JOIN LATERAL unnest(
    hourly."time",
    hourly.temperature_2m,
    hourly.relative_humidity_2m,
    hourly.precipitation,
    hourly.cloud_cover,
    hourly.pressure_msl,
    hourly.wind_speed_10m,
    hourly.wind_direction_10m,
    hourly.weather_code
) AS hour (
    observed_at, temperature_2m, relative_humidity_2m, precipitation, cloud_cover, pressure_msl,
    wind_speed_10m, wind_direction_10m, weather_code
)
WHERE
    answer.load_id = %(load_id)s
    AND hour.observed_at AT TIME ZONE 'UTC' >= answer.window_start
    AND hour.observed_at AT TIME ZONE 'UTC' < answer.window_end;

-- Hours of all places for some UTC days, day by day as daily loads put them: each from a year of made-up ones, begun elsewhere by each
-- place, so that a value costs nothing to make.
WITH made_up AS MATERIALIZED (
    SELECT
        n,
        ((n * 37 %% 4000) / 100.0 - 10)::numeric(5, 2) AS temperature_celsius,
        (n * 13 %% 100)::numeric(5, 2) AS humidity_percent,
        (n * 7 %% 30 / 10.0)::numeric(6, 2) AS precipitation_mm,
        (n %% 101)::numeric(5, 2) AS cloud_cover_percent,
        (980 + n * 11 %% 400 / 10.0)::numeric(6, 2) AS pressure_hpa,
        (n * 17 %% 20000 / 1000.0)::numeric(6, 3) AS wind_speed_mps,
        (n * 19 %% 360)::numeric(5, 2) AS wind_direction_degrees,
        (ARRAY[0, 1, 2, 3, 45, 61, 63, 80])[1 + n * 23 %% 8]::smallint AS weather_code
    FROM generate_series(0, 8783) AS n
)

INSERT INTO core.weather (
    location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
    pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code, raw_id, load_id
)
SELECT
    location.location_id,
    day.day AT TIME ZONE 'UTC' + hour.hour * interval '1 hour',
    made_up.temperature_celsius, made_up.humidity_percent, made_up.precipitation_mm, made_up.cloud_cover_percent,
    made_up.pressure_hpa, made_up.wind_speed_mps, made_up.wind_direction_degrees, made_up.weather_code,
    (day.day::date - '1940-01-01'::date) * 10000 + location.location_id,
    day.day::date - '1940-01-01'::date
FROM generate_series(%(first)s::timestamp, %(end)s::timestamp - interval '1 day', interval '1 day') AS day (day)
CROSS JOIN core.location AS location
CROSS JOIN generate_series(0, 23) AS hour (hour)
INNER JOIN made_up ON (location.location_id * 97 + (day.day::date - '1940-01-01'::date) * 24 + hour.hour) %% 8784 = made_up.n
ORDER BY day.day, location.location_id, hour.hour;

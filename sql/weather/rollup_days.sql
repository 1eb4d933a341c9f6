-- Recomputes the days, local to each place, that the load's window touches. Such a day lies within 26 hours of the window (25
-- hours a day when clocks change): only that much of core is read, whatever the history. Its bounds are scalar subqueries: they
-- are known before the join begins, which prunes the other partitions.
WITH reach AS (
    SELECT
        window_start - interval '26 hours' AS first_hour,
        window_end + interval '26 hours' AS end_hour
    FROM audit.load
    WHERE load_id = %(load_id)s
)

INSERT INTO core.weather_daily AS daily (
    location_id, observation_date, observation_count, avg_temperature_celsius, min_temperature_celsius, max_temperature_celsius,
    avg_humidity_percent, total_precipitation_mm, avg_pressure_hpa, avg_wind_speed_mps, most_common_weather_code
)
SELECT
    weather.location_id,
    (weather.observed_at AT TIME ZONE location.timezone)::date AS observation_date,
    count(*),
    avg(weather.temperature_celsius),
    min(weather.temperature_celsius),
    max(weather.temperature_celsius),
    avg(weather.humidity_percent),
    sum(weather.precipitation_mm),
    avg(weather.pressure_hpa),
    avg(weather.wind_speed_mps),
    mode() WITHIN GROUP (ORDER BY weather.weather_code)
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
INNER JOIN core.weather AS weather
    ON
        location.location_id = weather.location_id
        AND weather.observed_at >= (SELECT reach.first_hour FROM reach)
        AND weather.observed_at < (SELECT reach.end_hour FROM reach)
WHERE
    load.load_id = %(load_id)s
    AND (weather.observed_at AT TIME ZONE location.timezone)::date BETWEEN
    (load.window_start AT TIME ZONE location.timezone)::date
    AND ((load.window_end - interval '1 second') AT TIME ZONE location.timezone)::date
GROUP BY weather.location_id, observation_date
ORDER BY weather.location_id, observation_date
ON CONFLICT (location_id, observation_date) DO UPDATE SET
    observation_count = excluded.observation_count,
    avg_temperature_celsius = excluded.avg_temperature_celsius,
    min_temperature_celsius = excluded.min_temperature_celsius,
    max_temperature_celsius = excluded.max_temperature_celsius,
    avg_humidity_percent = excluded.avg_humidity_percent,
    total_precipitation_mm = excluded.total_precipitation_mm,
    avg_pressure_hpa = excluded.avg_pressure_hpa,
    avg_wind_speed_mps = excluded.avg_wind_speed_mps,
    most_common_weather_code = excluded.most_common_weather_code
WHERE (daily.*) IS DISTINCT FROM (excluded.*);

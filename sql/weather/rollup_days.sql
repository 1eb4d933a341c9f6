-- Recomputes the days, local to each place, that this load's hours fall in. The range around each day finds its hours by
-- index; the date decides, which is right also where clocks change at midnight.
WITH touched AS (
    SELECT DISTINCT
        location.location_id,
        location.timezone,
        (staged.observed_at AT TIME ZONE location.timezone)::date AS observation_date
    FROM staging.weather AS staged
    INNER JOIN core.location AS location USING (location_id)
    WHERE staged.load_id = %(load_id)s
)

INSERT INTO core.weather_daily AS daily (
    location_id, observation_date, observation_count, avg_temperature_celsius, min_temperature_celsius, max_temperature_celsius,
    avg_humidity_percent, total_precipitation_mm, avg_pressure_hpa, avg_wind_speed_mps, most_common_weather_code
)
SELECT
    touched.location_id,
    touched.observation_date,
    count(*),
    avg(weather.temperature_celsius),
    min(weather.temperature_celsius),
    max(weather.temperature_celsius),
    avg(weather.humidity_percent),
    sum(weather.precipitation_mm),
    avg(weather.pressure_hpa),
    avg(weather.wind_speed_mps),
    mode() WITHIN GROUP (ORDER BY weather.weather_code)
FROM touched
INNER JOIN core.weather AS weather
    ON
        touched.location_id = weather.location_id
        AND weather.observed_at >= touched.observation_date::timestamp AT TIME ZONE touched.timezone - interval '3 hours'
        AND weather.observed_at < (touched.observation_date + 1)::timestamp AT TIME ZONE touched.timezone + interval '3 hours'
        AND (weather.observed_at AT TIME ZONE touched.timezone)::date = touched.observation_date
GROUP BY touched.location_id, touched.observation_date
ORDER BY touched.location_id, touched.observation_date
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

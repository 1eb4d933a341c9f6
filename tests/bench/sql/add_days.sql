-- The rollup of the local days that the hours of some UTC days are of, all places in one pass: what roll_up_days makes place by place.
INSERT INTO core.weather_daily (
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
FROM core.weather AS weather
INNER JOIN core.location AS location ON weather.location_id = location.location_id
WHERE weather.observed_at >= %(first)s::date - interval '1 day' AND weather.observed_at < %(end)s::date
GROUP BY weather.location_id, observation_date
-- Of the first date some hours are in the day before.
HAVING (weather.observed_at AT TIME ZONE location.timezone)::date >= %(first)s::date - 1
ORDER BY observation_date, weather.location_id
ON CONFLICT (location_id, observation_date) DO UPDATE SET
    observation_count = excluded.observation_count,
    avg_temperature_celsius = excluded.avg_temperature_celsius,
    min_temperature_celsius = excluded.min_temperature_celsius,
    max_temperature_celsius = excluded.max_temperature_celsius,
    avg_humidity_percent = excluded.avg_humidity_percent,
    total_precipitation_mm = excluded.total_precipitation_mm,
    avg_pressure_hpa = excluded.avg_pressure_hpa,
    avg_wind_speed_mps = excluded.avg_wind_speed_mps,
    most_common_weather_code = excluded.most_common_weather_code;

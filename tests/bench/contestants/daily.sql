-- The mart as one writes it for a script: from the hourly facts, by UTC day.
CREATE MATERIALIZED VIEW contestant.daily AS
SELECT
    location_id,
    (observed_at AT TIME ZONE 'UTC')::date AS day,
    count(*) AS observation_count,
    avg(temperature_celsius)::numeric(5, 2) AS avg_temperature_celsius,
    min(temperature_celsius) AS min_temperature_celsius,
    max(temperature_celsius) AS max_temperature_celsius,
    avg(humidity_percent)::numeric(5, 2) AS avg_humidity_percent,
    sum(precipitation_mm) AS total_precipitation_mm,
    avg(pressure_hpa)::numeric(6, 2) AS avg_pressure_hpa,
    avg(wind_speed_mps)::numeric(6, 2) AS avg_wind_speed_mps,
    mode() WITHIN GROUP (ORDER BY weather_code) AS most_common_weather_code
FROM contestant.weather
GROUP BY 1, 2;

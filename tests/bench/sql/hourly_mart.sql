-- What the mart would be without a rollup: the same columns, read from all hours at each refresh.
CREATE MATERIALIZED VIEW mart.from_all_hours AS
WITH daily AS (
    SELECT
        weather.location_id,
        (weather.observed_at AT TIME ZONE location.timezone)::date AS observation_date,
        count(*)::integer AS observation_count,
        avg(weather.temperature_celsius)::numeric(5, 2) AS avg_temperature_celsius,
        min(weather.temperature_celsius) AS min_temperature_celsius,
        max(weather.temperature_celsius) AS max_temperature_celsius,
        avg(weather.humidity_percent)::numeric(5, 2) AS avg_humidity_percent,
        sum(weather.precipitation_mm)::numeric(8, 2) AS total_precipitation_mm,
        avg(weather.pressure_hpa)::numeric(6, 2) AS avg_pressure_hpa,
        avg(weather.wind_speed_mps)::numeric(6, 2) AS avg_wind_speed_mps,
        mode() WITHIN GROUP (ORDER BY weather.weather_code) AS most_common_weather_code
    FROM core.weather AS weather
    INNER JOIN core.location AS location ON weather.location_id = location.location_id
    GROUP BY weather.location_id, observation_date
)

SELECT
    location.location_id,
    location.location_name,
    location.city,
    location.country,
    daily.observation_date,
    daily.observation_count,
    daily.avg_temperature_celsius,
    daily.min_temperature_celsius,
    daily.max_temperature_celsius,
    daily.avg_humidity_percent,
    daily.total_precipitation_mm,
    daily.avg_pressure_hpa,
    daily.avg_wind_speed_mps,
    coalesce(condition.description, 'WMO code ' || daily.most_common_weather_code) AS most_common_conditions
FROM daily
INNER JOIN core.location AS location ON daily.location_id = location.location_id
LEFT JOIN core.weather_condition AS condition ON daily.most_common_weather_code = condition.weather_code
WITH DATA;
CREATE UNIQUE INDEX from_all_hours_key ON mart.from_all_hours (location_id, observation_date);
CREATE INDEX from_all_hours_date_idx ON mart.from_all_hours (observation_date);
CREATE INDEX from_all_hours_name_idx ON mart.from_all_hours (location_name, observation_date);

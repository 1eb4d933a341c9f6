-- For people to look at: a line for each place with what the mart has of the local dates [first_date, end_date).
SELECT
    location_name AS place,
    count(*) AS days,
    round(avg(avg_temperature_celsius), 1) AS "mean °C",
    min(min_temperature_celsius) AS min,
    max(max_temperature_celsius) AS max,
    sum(total_precipitation_mm) AS "rain mm",
    round(avg(avg_wind_speed_mps), 1) AS "wind m/s",
    mode() WITHIN GROUP (ORDER BY most_common_conditions) AS mostly,
    array_agg(avg_temperature_celsius ORDER BY observation_date) AS "daily mean temperature, °C"
FROM mart.daily_weather_aggregates
WHERE observation_date >= %(first_date)s AND observation_date < %(end_date)s
GROUP BY location_id, location_name
ORDER BY location_name, location_id;

-- Makes the days anew that have hours in what this transaction noted as due; a day without hours goes, an unchanged one is not
-- rewritten. Local time was never more than 16 hours from UTC: an hour's date lies within 16 hours of it, and a date's hours
-- within 16 hours of the date, also where a day had 47 hours or a date came back. Place by place: only that much of core is read.
WITH due AS (
    DELETE FROM audit.weather_daily_due
    WHERE noted_by = pg_current_xact_id()
    RETURNING
        location_id,
        daterange(
            ((first_hour - interval '16 hours') AT TIME ZONE 'UTC')::date,
            ((end_hour + interval '16 hours' - interval '1 microsecond') AT TIME ZONE 'UTC')::date,
            '[]'
        ) AS dates
),

stretch AS (
    SELECT merged.location_id, lower(merged.dates) AS first_date, upper(merged.dates) AS end_date
    FROM (SELECT due.location_id, unnest(range_agg(due.dates)) AS dates FROM due GROUP BY due.location_id) AS merged
),

fresh AS (
    SELECT stretch.location_id, made.*
    FROM stretch
    INNER JOIN core.location AS location ON stretch.location_id = location.location_id
    CROSS JOIN LATERAL (
        SELECT
            (weather.observed_at AT TIME ZONE location.timezone)::date AS observation_date,
            count(*) AS observation_count,
            avg(weather.temperature_celsius) AS avg_temperature_celsius,
            min(weather.temperature_celsius) AS min_temperature_celsius,
            max(weather.temperature_celsius) AS max_temperature_celsius,
            avg(weather.humidity_percent) AS avg_humidity_percent,
            sum(weather.precipitation_mm) AS total_precipitation_mm,
            avg(weather.pressure_hpa) AS avg_pressure_hpa,
            avg(weather.wind_speed_mps) AS avg_wind_speed_mps,
            mode() WITHIN GROUP (ORDER BY weather.weather_code) AS most_common_weather_code
        FROM core.weather AS weather
        WHERE
            weather.location_id = stretch.location_id
            AND weather.observed_at >= (stretch.first_date::timestamp AT TIME ZONE 'UTC') - interval '16 hours'
            AND weather.observed_at < (stretch.end_date::timestamp AT TIME ZONE 'UTC') + interval '16 hours'
        GROUP BY weather.location_id, observation_date
    ) AS made
    WHERE made.observation_date >= stretch.first_date AND made.observation_date < stretch.end_date
),

emptied AS (
    DELETE FROM core.weather_daily AS daily
    USING stretch
    WHERE
        daily.location_id = stretch.location_id
        AND daily.observation_date >= stretch.first_date
        AND daily.observation_date < stretch.end_date
        AND NOT EXISTS (
            SELECT 1 FROM fresh
            WHERE daily.location_id = fresh.location_id AND daily.observation_date = fresh.observation_date
        )
    RETURNING 1
),

changed AS (
    INSERT INTO core.weather_daily AS daily (
        location_id, observation_date, observation_count, avg_temperature_celsius, min_temperature_celsius, max_temperature_celsius,
        avg_humidity_percent, total_precipitation_mm, avg_pressure_hpa, avg_wind_speed_mps, most_common_weather_code
    )
    SELECT * FROM fresh
    ORDER BY location_id, observation_date
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
    WHERE (daily.*) IS DISTINCT FROM (excluded.*)
    RETURNING 1
)

SELECT
    (SELECT count(*) FROM changed) AS days_changed,
    (SELECT count(*) FROM emptied) AS days_gone;

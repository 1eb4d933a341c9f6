-- Places of the load that miss hours: how many, and the first of them.
SELECT location.location_id, location.location_name, count(DISTINCT hour.observed_at) AS missing_hours, min(hour.observed_at) AS first_missing_hour
FROM staging.weather_expected AS expected
INNER JOIN core.location AS location ON expected.location_id = location.location_id
CROSS JOIN LATERAL generate_series(expected.window_start, expected.window_end - interval '1 second', interval '1 hour')
    AS hour (observed_at)
LEFT JOIN staging.weather AS staged
    ON
        expected.load_id = staged.load_id
        AND location.location_id = staged.location_id
        AND hour.observed_at = staged.observed_at
WHERE expected.load_id = %(load_id)s AND staged.observed_at IS NULL
GROUP BY location.location_id, location.location_name
ORDER BY location.location_id;

-- Places of the load that miss hours of its window: how many, and the first of them.
SELECT location.location_id, location.location_name, count(*) AS missing_hours, min(hour.observed_at) AS first_missing_hour
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
CROSS JOIN LATERAL generate_series(load.window_start, load.window_end - interval '1 second', interval '1 hour')
    AS hour (observed_at)
LEFT JOIN staging.weather AS staged
    ON
        load.load_id = staged.load_id
        AND location.location_id = staged.location_id
        AND hour.observed_at = staged.observed_at
WHERE load.load_id = %(load_id)s AND staged.observed_at IS NULL
GROUP BY location.location_id, location.location_name
ORDER BY location.location_id;

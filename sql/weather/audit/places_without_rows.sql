-- Places of the load without a single staged hour.
SELECT location.location_id, location.location_name
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
WHERE
    load.load_id = %(load_id)s
    AND NOT EXISTS (
        SELECT 1 FROM staging.weather AS staged
        WHERE staged.load_id = load.load_id AND staged.location_id = location.location_id
    )
ORDER BY location.location_id;

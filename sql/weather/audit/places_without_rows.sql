-- Places of the load without a single staged hour.
SELECT DISTINCT location.location_id, location.location_name
FROM staging.weather_expected AS expected
INNER JOIN core.location AS location ON expected.location_id = location.location_id
WHERE
    expected.load_id = %(load_id)s
    AND NOT EXISTS (
        SELECT 1 FROM staging.weather AS staged
        WHERE staged.load_id = expected.load_id AND staged.location_id = location.location_id
    )
ORDER BY location.location_id;

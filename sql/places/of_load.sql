-- The places of a load, in the order of their ids.
SELECT location_id, location_name, latitude, longitude
FROM core.location
WHERE location_id = ANY(%(subject_ids)s)
ORDER BY location_id;

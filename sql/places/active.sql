-- The tracked places, or those of them that are named.
SELECT location_id, location_name, latitude, longitude
FROM core.location
WHERE is_active AND (%(names)s::text [] IS NULL OR location_name = ANY(%(names)s))
ORDER BY location_id;

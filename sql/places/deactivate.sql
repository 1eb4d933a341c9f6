-- Stops following the places that left the seed file; their history stays.
UPDATE core.location
SET is_active = false, updated_at = now()
WHERE
    is_active
    AND (location_name, latitude, longitude) NOT IN (
        SELECT * FROM unnest(%(names)s::text [], %(latitudes)s::numeric [], %(longitudes)s::numeric [])
    );

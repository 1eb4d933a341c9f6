-- The places that are followed, and what each is called in a command.
SELECT location_id, location_name
FROM core.location
WHERE is_active;

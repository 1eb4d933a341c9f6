-- Empties staging of this load.
DELETE FROM staging.weather
WHERE load_id = %(load_id)s;

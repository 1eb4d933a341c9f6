-- Empties staging of this load.
DELETE FROM staging.revision
WHERE load_id = %(load_id)s;

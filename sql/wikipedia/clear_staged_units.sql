-- Empties the staged pages of this load.
DELETE FROM staging.page
WHERE load_id = %(load_id)s;

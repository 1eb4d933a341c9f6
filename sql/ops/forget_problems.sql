-- What was wrong with what this load had: it is extracted anew, or was planned again.
DELETE FROM staging.problem
WHERE load_id = %(load_id)s;

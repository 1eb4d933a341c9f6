-- Nothing is staged of the load any more.
DELETE FROM staging.staged_load
WHERE load_id = %(load_id)s;

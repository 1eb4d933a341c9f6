-- What was published of a load, for those who listen.
SELECT
    window_start, window_end, coalesce(rows_published, 0), coalesce(rows_changed, 0), coalesce(rows_quarantined, 0),
    coalesce(units_withheld, 0)
FROM audit.load
WHERE load_id = %(load_id)s;

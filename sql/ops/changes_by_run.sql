-- What a run has published: the responses it was made of, the rows these offered to core, and those that changed there.
SELECT coalesce(sum(rows_raw), 0), coalesce(sum(rows_published), 0), coalesce(sum(rows_changed), 0)
FROM audit.load
WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s AND status = 'published';

-- Loads, the newest first, from the one before `before` on.
SELECT
    load.load_id,
    load.source,
    load.dag_id,
    load.run_id,
    load.map_index,
    load.is_replay,
    load.window_start,
    load.window_end,
    cardinality(load.subject_ids) AS subjects,
    (
        SELECT array_agg(followed.subject ORDER BY followed.subject)
        FROM audit.followed AS followed
        WHERE followed.source = load.source AND followed.subject_id = ANY(load.subject_ids[1:3])
    ) AS names,
    load.status,
    load.error,
    load.attempt,
    load.rows_raw,
    load.rows_staged,
    load.rows_quarantined,
    load.units_withheld,
    load.rows_published,
    load.rows_changed,
    load.planned_at,
    load.extracted_at,
    load.staged_at,
    load.audited_at,
    load.published_at
FROM audit.load AS load
WHERE
    load.source = ANY(%(sources)s)
    AND (%(load_id)s::bigint IS NULL OR load.load_id = %(load_id)s)
    AND (%(before)s::bigint IS NULL OR load.load_id < %(before)s)
    AND (%(status)s::text IS NULL OR load.status = %(status)s)
    AND (%(run_id)s::text IS NULL OR load.run_id = %(run_id)s)
    AND (%(subject_id)s::bigint IS NULL OR %(subject_id)s = ANY(load.subject_ids))
    AND (%(window_start)s::timestamptz IS NULL OR load.window_end > %(window_start)s)
    AND (%(window_end)s::timestamptz IS NULL OR load.window_start < %(window_end)s)
    AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', load.run_id, load.error)), lower(%(search)s)) > 0)
ORDER BY load.load_id DESC
LIMIT %(most)s;

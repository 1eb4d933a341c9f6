-- Rows that audits set aside, those of the newest loads first. `subject_keys` are the names of the sources' keys in row_key.
SELECT
    aside.load_id,
    aside.source,
    aside.row_key,
    followed.subject,
    aside.expectation,
    aside.value,
    aside.raw_id,
    aside.quarantined_at
FROM audit.quarantine AS aside
INNER JOIN unnest(%(sources)s::text [], %(subject_keys)s::text []) AS known (source, subject_key) ON aside.source = known.source
LEFT JOIN audit.followed AS followed
    ON aside.source = followed.source AND (aside.row_key ->> known.subject_key)::bigint = followed.subject_id
WHERE
    (%(load_id)s::bigint IS NULL OR aside.load_id = %(load_id)s)
    AND (
        %(search)s::text IS NULL
        OR strpos(lower(concat_ws(' ', followed.subject, aside.row_key::text, aside.expectation, aside.value)), lower(%(search)s)) > 0
    )
ORDER BY aside.load_id DESC, aside.row_key, aside.expectation, aside.raw_id
LIMIT %(most)s OFFSET %(skip)s;

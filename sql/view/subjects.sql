-- A page of what is followed of a source, by name, and how many there are.
SELECT
    subject_id,
    subject,
    count(*) OVER () AS total
FROM audit.followed
WHERE
    source = %(source)s
    AND (%(subject_id)s::bigint IS NULL OR subject_id = %(subject_id)s)
    AND (%(search)s::text IS NULL OR strpos(lower(subject), lower(%(search)s)) > 0)
ORDER BY subject, subject_id
LIMIT %(most)s OFFSET %(skip)s;

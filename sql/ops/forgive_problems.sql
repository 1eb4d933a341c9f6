-- What was wrong with a subject of this load: a later response of the same extraction makes up for it.
DELETE FROM staging.problem AS problem
USING audit.load AS load
WHERE
    problem.load_id = load.load_id
    AND load.load_id = %(load_id)s
    AND load.attempt = %(attempt)s
    AND problem.subject_id = %(subject_id)s;

-- What is not loaded of what is due: a row for each span of time, with the places or pages that share it.
WITH due AS (
    SELECT
        coverage.source,
        coverage.subject_id,
        coverage.subject,
        coverage.window_start,
        least(coverage.window_end, due.due_end) AS window_end,
        coverage.state,
        coverage.load_id,
        coverage.error
    FROM audit.coverage AS coverage
    INNER JOIN unnest(%(sources)s::text [], %(due_ends)s::timestamptz []) AS due (source, due_end)
        ON coverage.source = due.source AND coverage.window_start < due.due_end
)

SELECT
    due.source,
    due.window_start,
    due.window_end,
    due.state,
    array_agg(due.subject ORDER BY due.subject) AS subjects,
    (SELECT count(DISTINCT every.subject_id) FROM due AS every WHERE every.source = due.source) AS followed,
    due.load_id,
    due.error
FROM due
WHERE due.state <> 'loaded'
GROUP BY due.source, due.window_start, due.window_end, due.state, due.load_id, due.error
ORDER BY due.source, due.window_start, due.window_end, subjects;

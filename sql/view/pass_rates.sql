-- How many audits each expectation passed on each UTC day since a moment. Of the loads planned since then, which are found from the newest on.
SELECT
    load.source,
    result.suite,
    result.expectation,
    result."column",
    result.severity,
    (result.run_at AT TIME ZONE 'UTC')::date AS day,
    count(*) AS audits,
    count(*) FILTER (WHERE result.success) AS passed
FROM audit.validation_result AS result
INNER JOIN audit.load AS load ON result.load_id = load.load_id
WHERE
    load.load_id > coalesce((SELECT older.load_id FROM audit.load AS older WHERE older.planned_at < %(since)s ORDER BY older.load_id DESC LIMIT 1), 0)
    AND load.source = ANY(%(sources)s)
    AND result.run_at >= %(since)s
GROUP BY load.source, result.suite, result.expectation, result."column", result.severity, day
ORDER BY load.source, result.suite, result.expectation, result."column", result.severity, day;

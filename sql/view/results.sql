-- What the last audit of a load said of each expectation, what failed first.
SELECT
    suite,
    expectation,
    "column",
    success,
    severity,
    expected,
    observed,
    unexpected_count,
    sample,
    run_at
FROM audit.validation_result
WHERE load_id = %(load_id)s
ORDER BY success, severity, expectation, "column";

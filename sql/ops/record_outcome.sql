-- One expectation of an audit.
INSERT INTO audit.validation_result (
    load_id, suite, expectation, "column", success, severity, expected, observed, unexpected_count, sample
)
VALUES (
    %(load_id)s, %(suite)s, %(expectation)s, %(column_name)s, %(success)s, %(severity)s, %(expected)s, %(observed)s,
    %(unexpected_count)s, cast(%(sample)s AS jsonb)
);

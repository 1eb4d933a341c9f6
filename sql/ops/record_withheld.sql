-- One unit that an audit did not trust.
INSERT INTO audit.withheld (load_id, source, subject_id, span_start, span_end, expectation, observed, raw_ids)
VALUES (
    %(load_id)s, %(source)s, %(subject_id)s, %(span_start)s, %(span_end)s, %(expectation)s, %(observed)s, %(raw_ids)s
);

-- The units that an audit did not trust; returns their numbers. Of a replay those whose span its trusted units do not have, each alone
-- or together: what is stored of the others is published. Of several units of one span the one of the newest response is listed.
WITH untrusted AS (
    SELECT DISTINCT ON (unit.subject_id, unit.span_start, unit.span_end) unit.*
    FROM jsonb_to_recordset(%(untrusted)s) AS unit (
        number integer, subject_id bigint, span_start timestamptz, span_end timestamptz, expectation text, observed text, raw_ids bigint []
    )
    ORDER BY unit.subject_id, unit.span_start, unit.span_end, unit.raw_ids[cardinality(unit.raw_ids)] DESC NULLS LAST, unit.number
),

trusted AS (
    SELECT unit.subject_id, range_agg(tstzrange(unit.span_start, unit.span_end)) AS spans
    FROM unnest(%(trusted_ids)s::bigint [], %(trusted_starts)s::timestamptz [], %(trusted_ends)s::timestamptz [])
        AS unit (subject_id, span_start, span_end)
    GROUP BY unit.subject_id
),

listed AS (
    SELECT untrusted.*, load.load_id, load.source
    FROM untrusted
    INNER JOIN audit.load AS load ON load.load_id = %(load_id)s
    LEFT JOIN trusted ON untrusted.subject_id = trusted.subject_id
    WHERE NOT load.is_replay OR (tstzrange(untrusted.span_start, untrusted.span_end) <@ trusted.spans) IS NOT TRUE
),

recorded AS (
    INSERT INTO audit.withheld (load_id, source, subject_id, span_start, span_end, expectation, observed, raw_ids)
    SELECT load_id, source, subject_id, span_start, span_end, expectation, observed, raw_ids FROM listed
    RETURNING subject_id, span_start, span_end
)

SELECT listed.number
FROM recorded
INNER JOIN listed
    ON recorded.subject_id = listed.subject_id AND recorded.span_start = listed.span_start AND recorded.span_end = listed.span_end
ORDER BY listed.number;

-- A response that an audit rejected something of, cut to so many characters, and how many it has; no row for any other.
SELECT
    url,
    http_status,
    ingested_at,
    left(payload, %(longest)s) AS payload,
    length(payload) AS characters,
    payload_encoding,
    problem
FROM audit.rejected_response(%(load_id)s, %(raw_table)s, %(raw_id)s);

-- Lands one response in raw and returns its id.
INSERT INTO raw.wikipedia_pages (
    load_id, attempt, page_id, page_title, page_language, source, url, http_status, window_start, window_end,
    payload, payload_encoding, problem
)
VALUES (
    %(load_id)s, %(attempt)s, %(page_id)s, %(page_title)s, %(page_language)s, %(source)s, %(url)s, %(http_status)s,
    %(window_start)s, %(window_end)s, %(payload)s, %(payload_encoding)s, %(problem)s
)
RETURNING id;

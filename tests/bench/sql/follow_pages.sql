-- So many pages, each with the version that the wiki shows.
WITH tracked AS (
    INSERT INTO core.tracked_page (page_title, page_language)
    SELECT 'page ' || n, 'en'
    FROM generate_series(1, %(count)s) AS n
    RETURNING page_id, page_title, page_language
)

INSERT INTO core.wikipedia_page (
    page_id, wikipedia_page_id, page_title, namespace, page_language, is_redirect, is_missing, valid_from, raw_id, load_id
)
SELECT page_id, page_id, page_title, 0, page_language, false, false, '2000-01-01T00:00Z', 1, 1
FROM tracked;

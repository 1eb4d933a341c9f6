-- Notes which windows of its pages the load publishes, as the wiki had them.
INSERT INTO audit.published_response (
    source, subject_id, window_start, window_end, wikipedia_page_id, answered_at, raw_id, load_id
)
SELECT
    'wikipedia', page_id, window_start, window_end, CASE WHEN NOT is_missing THEN wikipedia_page_id END, seen_at, reading_id, load_id
FROM staging.page
WHERE load_id = %(load_id)s AND NOT is_withheld
ON CONFLICT (source, subject_id, raw_id, load_id) DO UPDATE
SET wikipedia_page_id = excluded.wikipedia_page_id, published_at = excluded.published_at;

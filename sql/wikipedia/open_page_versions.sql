-- Begins a version for each page that has none of the time of the response or later.
INSERT INTO core.wikipedia_page (
    page_id, wikipedia_page_id, page_title, namespace, page_language, is_redirect, is_missing, valid_from, raw_id, load_id
)
SELECT DISTINCT ON (staged.page_id)
    staged.page_id, staged.wikipedia_page_id, staged.page_title, staged.namespace, staged.page_language, staged.is_redirect,
    staged.is_missing, staged.seen_at, staged.raw_id, staged.load_id
FROM staging.page AS staged
WHERE
    staged.load_id = %(load_id)s
    AND NOT staged.is_withheld
    AND NOT EXISTS (
        SELECT 1 FROM core.wikipedia_page AS present
        WHERE present.page_id = staged.page_id AND (present.valid_to IS NULL OR present.valid_to > staged.seen_at)
    )
ORDER BY staged.page_id, staged.reading_id DESC;

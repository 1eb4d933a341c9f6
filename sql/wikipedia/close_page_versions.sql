-- Ends the current version of each page that the wiki now describes differently, unless a newer response about the page was published.
WITH described AS (
    SELECT DISTINCT ON (staged.page_id)
        staged.*,
        (
            SELECT max(published.raw_id)
            FROM audit.published_response AS published
            WHERE published.source = 'wikipedia' AND published.subject_id = staged.page_id
        ) AS published_reading_id
    FROM staging.page AS staged
    WHERE staged.load_id = %(load_id)s AND NOT staged.is_withheld
    ORDER BY staged.page_id, staged.reading_id DESC
)

UPDATE core.wikipedia_page AS present
SET valid_to = described.seen_at
FROM described
WHERE
    present.page_id = described.page_id
    AND present.valid_to IS NULL
    AND present.valid_from < described.seen_at
    AND (present.wikipedia_page_id, present.page_title, present.namespace, present.is_redirect, present.is_missing)
    IS DISTINCT FROM (
        described.wikipedia_page_id, described.page_title, described.namespace, described.is_redirect, described.is_missing
    )
    AND described.reading_id > coalesce(described.published_reading_id, 0);

-- A response that was published before is not news of a page, so it ends no version. If it is the newest that was published, it
-- corrects the present one: what differs then is how the response was read.
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
SET
    wikipedia_page_id = described.wikipedia_page_id,
    page_title = described.page_title,
    namespace = described.namespace,
    is_redirect = described.is_redirect,
    is_missing = described.is_missing,
    raw_id = described.raw_id,
    load_id = described.load_id
FROM described
WHERE
    present.page_id = described.page_id
    AND present.valid_to IS NULL
    AND (present.wikipedia_page_id, present.page_title, present.namespace, present.is_redirect, present.is_missing)
    IS DISTINCT FROM (
        described.wikipedia_page_id, described.page_title, described.namespace, described.is_redirect, described.is_missing
    )
    AND described.reading_id = described.published_reading_id;

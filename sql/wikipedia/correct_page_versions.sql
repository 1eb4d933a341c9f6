-- A stored answer is no news of a page, so a replay ends no version. It corrects the present one, unless a later answer about the
-- page was published: what differs then is how the answer was read.
WITH last_described AS (
    SELECT staged.*
    FROM audit.load AS load
    INNER JOIN staging.page AS staged ON load.load_id = staged.load_id
    INNER JOIN staging.page_answer AS answer ON staged.load_id = answer.load_id AND staged.raw_id = answer.raw_id
    WHERE
        load.load_id = %(load_id)s
        AND load.is_replay
        AND answer.was_published
        AND NOT EXISTS (
            SELECT 1 FROM audit.load AS later
            WHERE
                later.source = load.source
                AND later.published_as_of > answer.extracted_at
                AND staged.page_id = ANY(later.subject_ids)
        )
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
FROM last_described AS described
WHERE
    present.page_id = described.page_id
    AND present.valid_to IS NULL
    AND (present.wikipedia_page_id, present.page_title, present.namespace, present.is_redirect, present.is_missing)
    IS DISTINCT FROM (
        described.wikipedia_page_id, described.page_title, described.namespace, described.is_redirect, described.is_missing
    );

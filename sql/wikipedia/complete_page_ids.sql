-- A page that is missing keeps the page id that the wiki knew it by, also when the older response that has it is published later.
WITH known AS (
    SELECT DISTINCT ON (page_id) page_id, wikipedia_page_id, seen_at
    FROM staging.page
    WHERE load_id = %(load_id)s AND NOT is_withheld AND NOT is_missing
    ORDER BY page_id, reading_id DESC
)

UPDATE core.wikipedia_page AS missing
SET wikipedia_page_id = known.wikipedia_page_id
FROM known
WHERE
    missing.page_id = known.page_id
    AND missing.is_missing
    AND missing.wikipedia_page_id IS NULL
    AND missing.valid_from > known.seen_at;

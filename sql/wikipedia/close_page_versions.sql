-- Ends the current version of each page that the wiki now describes differently. An answer older than that version is late.
UPDATE core.wikipedia_page AS present
SET valid_to = staged.seen_at
FROM staging.page AS staged
WHERE
    staged.load_id = %(load_id)s
    AND present.page_id = staged.page_id
    AND present.valid_to IS NULL
    AND present.valid_from < staged.seen_at
    AND (present.wikipedia_page_id, present.page_title, present.namespace, present.is_redirect, present.is_missing)
    IS DISTINCT FROM (staged.wikipedia_page_id, staged.page_title, staged.namespace, staged.is_redirect, staged.is_missing);

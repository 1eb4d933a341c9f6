-- Ends the current version of each page that the wiki now describes differently, unless a later answer was published meanwhile.
-- A replay brings no news: see correct_page_versions.sql.
UPDATE core.wikipedia_page AS present
SET valid_to = staged.seen_at
FROM staging.page AS staged
INNER JOIN audit.load AS load ON staged.load_id = load.load_id AND NOT load.is_replay
WHERE
    staged.load_id = %(load_id)s
    AND present.page_id = staged.page_id
    AND present.valid_to IS NULL
    AND present.valid_from < staged.seen_at
    AND staged.page_id NOT IN (
        SELECT unnest(later.subject_ids) FROM audit.later_load AS later WHERE later.load_id = %(load_id)s
    )
    AND (present.wikipedia_page_id, present.page_title, present.namespace, present.is_redirect, present.is_missing)
    IS DISTINCT FROM (staged.wikipedia_page_id, staged.page_title, staged.namespace, staged.is_redirect, staged.is_missing);

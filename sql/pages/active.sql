-- The tracked pages, or those of them that are named by their tracked or present title, alone or as language:title.
SELECT
    tracked.page_id,
    tracked.page_title,
    present.page_title AS present_title,
    tracked.page_language || ':' || tracked.page_title AS full_title,
    tracked.page_language || ':' || present.page_title AS full_present_title
FROM core.tracked_page AS tracked
LEFT JOIN core.wikipedia_page AS present ON tracked.page_id = present.page_id AND present.valid_to IS NULL
WHERE
    tracked.is_active
    AND (
        %(names)s::text [] IS NULL
        OR ARRAY[tracked.page_title, present.page_title] && %(names)s
        OR ARRAY[tracked.page_language || ':' || tracked.page_title, tracked.page_language || ':' || present.page_title] && %(names)s
    )
ORDER BY tracked.page_id;

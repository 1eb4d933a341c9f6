-- The pages of a load: the title to ask for (the present one once it is known) and the wiki's page id if it was ever seen.
SELECT
    tracked.page_id,
    coalesce(present.page_title, tracked.page_title) AS page_title,
    tracked.page_language,
    present.wikipedia_page_id
FROM core.tracked_page AS tracked
LEFT JOIN core.wikipedia_page AS present ON tracked.page_id = present.page_id AND present.valid_to IS NULL
WHERE tracked.page_id = ANY(%(subject_ids)s)
ORDER BY tracked.page_id;

-- Staged revisions and pages that belong to no tracked page.
SELECT staged.page_id, count(*) AS rows_staged
FROM (
    SELECT page_id FROM staging.revision WHERE load_id = %(load_id)s
    UNION ALL
    SELECT page_id FROM staging.page WHERE load_id = %(load_id)s
) AS staged
LEFT JOIN core.tracked_page AS tracked USING (page_id)
WHERE tracked.page_id IS NULL
GROUP BY staged.page_id
ORDER BY staged.page_id;

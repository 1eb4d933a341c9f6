-- Publishes that share a page take turns, so that each sees the other's parents and page versions.
-- Locked in key order, so they cannot deadlock.
SELECT tracked.page_id
FROM core.tracked_page AS tracked
WHERE tracked.page_id IN (SELECT staged.page_id FROM staging.page AS staged WHERE staged.load_id = %(load_id)s)
ORDER BY tracked.page_id
FOR NO KEY UPDATE OF tracked;

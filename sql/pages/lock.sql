-- Publishes that share a page take turns, so that each sees the other's parents and page versions.
-- Locked in key order, so they cannot deadlock.
SELECT tracked.page_id
FROM audit.load AS load
INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
ORDER BY tracked.page_id
FOR NO KEY UPDATE OF tracked;

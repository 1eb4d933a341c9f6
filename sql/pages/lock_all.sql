-- All pages, in key order as pages/lock.sql: a change of the seeds and the publishes take turns and cannot deadlock.
SELECT page_id
FROM core.tracked_page
ORDER BY page_id
FOR NO KEY UPDATE;

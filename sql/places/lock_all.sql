-- All places, in key order as places/lock.sql: a change of the seeds and the publishes take turns and cannot deadlock.
SELECT location_id
FROM core.location
ORDER BY location_id
FOR NO KEY UPDATE;

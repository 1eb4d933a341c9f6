-- Locks the first places that have something due in the rollup, in key order as places/lock.sql: publishes and this take
-- turns and cannot deadlock.
SELECT location.location_id
FROM core.location AS location
WHERE EXISTS (SELECT 1 FROM audit.weather_daily_due AS due WHERE due.location_id = location.location_id)
ORDER BY location.location_id
LIMIT %(at_once)s
FOR NO KEY UPDATE OF location;

-- Publishes that share a place take turns: each must see the other's hours when it recomputes a day they both touch.
-- Locked in key order, so they cannot deadlock.
SELECT location.location_id
FROM core.location AS location
WHERE location.location_id IN (SELECT staged.location_id FROM staging.weather AS staged WHERE staged.load_id = %(load_id)s)
ORDER BY location.location_id
FOR NO KEY UPDATE OF location;

-- Publishes that share a place take turns: each must see the other's hours when it recomputes a day they both touch.
-- Locked in key order, so they cannot deadlock.
SELECT location.location_id
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
ORDER BY location.location_id
FOR NO KEY UPDATE OF location;

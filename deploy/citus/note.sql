-- Notes hours that changed on the coordinator, where the next refresh finds them.
INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT DISTINCT changed.location_id, changed.first_hour::timestamptz, changed.end_hour::timestamptz
FROM unnest(%(location_ids)s::bigint [], %(first_hours)s::text [], %(end_hours)s::text []) AS changed (location_id, first_hour, end_hour);

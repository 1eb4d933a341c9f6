-- Notes hours as due in the rollup, for all places. A statement of its own: on Citus one that reads the places changes one table at most.
INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT location.location_id, changed.first_hour::timestamptz, changed.end_hour::timestamptz
FROM core.location AS location
CROSS JOIN unnest(%(first_hours)s::text [], %(end_hours)s::text []) AS changed (first_hour, end_hour)
ON CONFLICT DO NOTHING;

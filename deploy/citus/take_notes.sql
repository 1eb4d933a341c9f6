-- Takes what triggers have noted on this worker of hours and days that somebody changed, as text, which knows infinity.
DELETE FROM audit.weather_daily_due
RETURNING location_id, first_hour::text AS first_hour, end_hour::text AS end_hour;

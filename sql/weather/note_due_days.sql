-- Notes the hours of the load's window as due in the rollup, for the places it was for, unless it has changed none.
INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT place.location_id, load.window_start, load.window_end
FROM audit.load AS load
CROSS JOIN unnest(load.subject_ids) AS place (location_id)
WHERE load.load_id = %(load_id)s AND load.rows_changed > 0
ON CONFLICT DO NOTHING;

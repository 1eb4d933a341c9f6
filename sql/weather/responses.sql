-- The responses that a load is made of, each with its place and the window that counts.
SELECT raw_id, location_id, window_start, window_end
FROM staging.weather_response
WHERE load_id = %(load_id)s
ORDER BY raw_id;

-- Lands one response (or one place's slice of it) in raw and returns its id.
INSERT INTO raw.weather_observations (
    load_id, attempt, location_id, location_ids, location_name, latitude, longitude,
    source, url, http_status, window_start, window_end, payload, payload_encoding, problem
)
VALUES (
    %(load_id)s, %(attempt)s, %(location_id)s, %(location_ids)s, %(location_name)s, %(latitude)s, %(longitude)s,
    %(source)s, %(url)s, %(http_status)s, %(window_start)s, %(window_end)s, %(payload)s, %(payload_encoding)s, %(problem)s
)
RETURNING id;

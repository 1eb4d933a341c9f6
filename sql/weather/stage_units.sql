-- The units that the responses of this load name.
INSERT INTO staging.weather_unit (load_id, raw_id, variable, unit)
SELECT response.load_id, response.raw_id, unit.key, unit.value
FROM staging.weather_response AS response
CROSS JOIN LATERAL json_each_text(response.payload::json -> 'hourly_units') AS unit
WHERE
    response.load_id = %(load_id)s
    AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable);

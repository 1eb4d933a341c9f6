-- The units that the answers of this load name.
INSERT INTO staging.weather_unit (load_id, raw_id, variable, unit)
SELECT answer.load_id, answer.raw_id, unit.key, unit.value
FROM staging.weather_answer AS answer
CROSS JOIN LATERAL jsonb_each_text(answer.payload::jsonb -> 'hourly_units') AS unit
WHERE
    answer.load_id = %(load_id)s
    AND answer.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable);

-- The units that the answers of this load name.
INSERT INTO staging.weather_unit (load_id, raw_id, variable, unit)
SELECT answer.load_id, answer.id, unit.key, unit.value
FROM audit.load AS load
INNER JOIN raw.weather_observations AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
CROSS JOIN LATERAL jsonb_each_text(answer.payload::jsonb -> 'hourly_units') AS unit
WHERE load.load_id = %(load_id)s AND answer.problem IS NULL;

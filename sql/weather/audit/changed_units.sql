-- Variables that came in another unit than the columns are converted from, or in none.
SELECT DISTINCT staged.raw_id, expected.key AS variable, expected.value AS expected_unit, unit.unit
FROM (SELECT DISTINCT raw_id FROM staging.weather WHERE load_id = %(load_id)s) AS staged
CROSS JOIN jsonb_each_text(%(units)s::jsonb) AS expected
LEFT JOIN staging.weather_unit AS unit
    ON staged.raw_id = unit.raw_id AND expected.key = unit.variable AND unit.load_id = %(load_id)s
WHERE unit.unit IS DISTINCT FROM expected.value
ORDER BY staged.raw_id, expected.key
LIMIT 1000;

-- Empties the staged units of this load.
DELETE FROM staging.weather_unit
WHERE load_id = %(load_id)s;

-- Makes what others noted as due for these places this transaction's own; the mart is due with it.
WITH taken AS (
    DELETE FROM audit.weather_daily_due
    WHERE location_id = ANY(%(location_ids)s::bigint [])
    RETURNING location_id, first_hour, end_hour
),

own AS (
    INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
    SELECT DISTINCT location_id, first_hour, end_hour FROM taken
    RETURNING 1
)

INSERT INTO audit.mart_due (source)
SELECT 'weather'
WHERE EXISTS (SELECT 1 FROM own);

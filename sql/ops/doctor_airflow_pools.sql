-- Pools of Airflow 3.3.2 and their slots.
SELECT pool, slots
FROM slot_pool
WHERE pool = ANY(%(pools)s);

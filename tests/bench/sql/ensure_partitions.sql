-- The months of some UTC days.
SELECT core.ensure_weather_partitions(%(first)s::date, %(end)s::date);

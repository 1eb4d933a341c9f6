-- The load in words: its places, window and raw rows.
SELECT
    format(
        'places %%s; window [%%s, %%s); raw ids %%s to %%s of raw.weather_observations',
        string_agg(DISTINCT answer.location_name, ', '), load.window_start, load.window_end, min(answer.raw_id), max(answer.raw_id)
    )
FROM audit.load AS load
INNER JOIN staging.weather_answer AS answer ON load.load_id = answer.load_id
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

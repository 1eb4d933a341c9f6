-- The load in words: its pages, window and raw rows.
SELECT
    format(
        'pages %%s; window [%%s, %%s); raw ids %%s to %%s of raw.wikipedia_pages',
        string_agg(DISTINCT answer.page_title, ', '), load.window_start, load.window_end, min(answer.raw_id), max(answer.raw_id)
    )
FROM audit.load AS load
INNER JOIN staging.page_answer AS answer ON load.load_id = answer.load_id
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

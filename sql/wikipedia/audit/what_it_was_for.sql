-- The load in words: its pages, window and raw rows.
SELECT
    format(
        'pages %%s; window [%%s, %%s); raw ids %%s to %%s of raw.wikipedia_pages',
        string_agg(DISTINCT answer.page_title, ', '), load.window_start, load.window_end, min(answer.id), max(answer.id)
    )
FROM audit.load AS load
INNER JOIN raw.wikipedia_pages AS answer ON load.load_id = answer.load_id AND load.attempt = answer.attempt
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

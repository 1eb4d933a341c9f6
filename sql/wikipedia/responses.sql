-- The responses that a load is made of, each with its page and the window that counts.
SELECT
    response.raw_id,
    response.page_id,
    greatest(stored.window_start, load.window_start) AS window_start,
    least(stored.window_end, load.window_end) AS window_end
FROM audit.load AS load
INNER JOIN staging.page_response AS response ON load.load_id = response.load_id
INNER JOIN raw.wikipedia_pages AS stored ON response.raw_id = stored.id
WHERE load.load_id = %(load_id)s
ORDER BY response.raw_id;

-- How many stored answers a replay is made of, and the pages it is for, in words.
SELECT
    (SELECT count(*) FROM staging.page_answer AS answer WHERE answer.load_id = load.load_id) AS answers,
    'pages ' || string_agg(tracked.page_language || ':' || tracked.page_title, ', ' ORDER BY tracked.page_id) AS subjects
FROM audit.load AS load
INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

-- Pages of the load that nothing was staged for; of a replay, of the pages that there are stored answers for.
SELECT tracked.page_id, tracked.page_language, tracked.page_title
FROM audit.load AS load
INNER JOIN core.tracked_page AS tracked ON tracked.page_id = ANY(load.subject_ids)
LEFT JOIN staging.page AS staged ON load.load_id = staged.load_id AND tracked.page_id = staged.page_id
WHERE
    load.load_id = %(load_id)s
    AND staged.page_id IS NULL
    AND (
        NOT load.is_replay
        OR tracked.page_id IN (SELECT answer.page_id FROM staging.page_answer AS answer WHERE answer.load_id = %(load_id)s)
    )
ORDER BY tracked.page_id;

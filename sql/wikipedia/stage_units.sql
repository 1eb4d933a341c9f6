-- What the wiki says of each page of the load, one row for each reading: a replay may be made of several. A page is asked for by
-- title and then, where that leads nowhere or elsewhere, by its page id: an answer for a page that exists counts more than one for a
-- missing page, and the answer by id more than the one by title.
INSERT INTO staging.page (
    load_id, raw_id, reading_id, page_id, wikipedia_page_id, page_title, namespace, page_language, is_redirect, is_missing, seen_at,
    window_start, window_end
)
SELECT DISTINCT ON (answer.page_id, answer.reading_id)
    answer.load_id,
    answer.raw_id,
    answer.reading_id,
    answer.page_id,
    coalesce(page.pageid, present.wikipedia_page_id),
    coalesce(page.title, present.page_title, answer.page_title),
    coalesce(page.ns, present.namespace, 0),
    answer.page_language,
    coalesce(page.redirect, false),
    page.pageid IS NULL OR coalesce(page.missing, false),
    answer.ingested_at,
    answer.window_start,
    answer.window_end
FROM staging.page_answer AS answer
CROSS JOIN LATERAL jsonb_to_recordset(answer.payload::jsonb #> '{query,pages}') AS page (
    pageid bigint, ns integer, title text, redirect boolean, missing boolean
)
LEFT JOIN core.wikipedia_page AS present ON answer.page_id = present.page_id AND present.valid_to IS NULL
WHERE
    answer.load_id = %(load_id)s
    AND answer.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
ORDER BY
    answer.page_id,
    answer.reading_id,
    page.pageid IS NULL OR coalesce(page.missing, false),
    answer.raw_id DESC;

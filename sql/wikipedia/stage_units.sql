-- What the wiki says of each page of the load, one row for each reading: a replay may be made of several. A page is asked for by
-- title and then, where that leads nowhere or elsewhere, by its page id: a response for a page that exists counts more than one for a
-- missing page, and the response by id more than the one by title.
INSERT INTO staging.page (
    load_id, raw_id, reading_id, page_id, wikipedia_page_id, page_title, namespace, page_language, is_redirect, is_missing, seen_at,
    window_start, window_end
)
SELECT DISTINCT ON (response.page_id, response.reading_id)
    response.load_id,
    response.raw_id,
    response.reading_id,
    response.page_id,
    coalesce(page.pageid, present.wikipedia_page_id),
    coalesce(page.title, present.page_title, response.page_title),
    coalesce(page.ns, present.namespace, 0),
    response.page_language,
    coalesce(page.redirect, false),
    page.pageid IS NULL OR coalesce(page.missing, false),
    response.ingested_at,
    response.window_start,
    response.window_end
FROM staging.page_response AS response
CROSS JOIN LATERAL jsonb_to_recordset(response.payload::jsonb #> '{query,pages}') AS page (
    pageid bigint, ns integer, title text, redirect boolean, missing boolean
)
LEFT JOIN core.wikipedia_page AS present ON response.page_id = present.page_id AND present.valid_to IS NULL
WHERE
    response.load_id = %(load_id)s
    AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
ORDER BY
    response.page_id,
    response.reading_id,
    page.pageid IS NULL OR coalesce(page.missing, false),
    response.raw_id DESC;

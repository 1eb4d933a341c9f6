-- Parses the revisions of the load's pages. Answers that turned out to be about another page (a redirect's target, a new page
-- under an old title) are left out: staging.page says which page id counts. In a replay every id that the page was known by counts.
INSERT INTO staging.revision (
    load_id, raw_id, page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, is_temporary,
    revision_size_bytes, revision_comment, tags, sha1
)
SELECT
    answer.load_id,
    answer.raw_id,
    answer.page_id,
    revision.revid,
    revision.parentid,
    revision."timestamp",
    CASE WHEN revision.userhidden THEN NULL ELSE revision."user" END,
    coalesce(revision.minor, false),
    coalesce(revision.anon, false) AND revision.userhidden IS NOT TRUE,
    coalesce(revision.temp, false) AND revision.userhidden IS NOT TRUE,
    revision.size,
    CASE WHEN revision.commenthidden THEN NULL ELSE revision.comment END,
    ARRAY(SELECT jsonb_array_elements_text(coalesce(revision.tags, '[]'))),
    CASE WHEN revision.sha1hidden THEN NULL ELSE revision.sha1 END
FROM audit.load AS load
INNER JOIN staging.page_answer AS answer ON load.load_id = answer.load_id
CROSS JOIN LATERAL jsonb_to_recordset(answer.payload::jsonb #> '{query,pages}') AS page (pageid bigint, revisions jsonb)
INNER JOIN staging.page AS staged ON answer.load_id = staged.load_id AND answer.page_id = staged.page_id
CROSS JOIN LATERAL jsonb_to_recordset(coalesce(page.revisions, '[]')) AS revision (
    revid bigint, parentid bigint, "timestamp" timestamptz, "user" text, userhidden boolean, minor boolean, anon boolean,
    temp boolean, size bigint, comment text, commenthidden boolean, tags jsonb, sha1 text, sha1hidden boolean
)
WHERE
    load.load_id = %(load_id)s
    AND (
        page.pageid = staged.wikipedia_page_id
        OR (
            load.is_replay
            AND page.pageid IN (
                SELECT known.wikipedia_page_id FROM core.wikipedia_page AS known WHERE known.page_id = answer.page_id
            )
        )
    )
    AND revision."timestamp" >= answer.window_start
    AND revision."timestamp" < answer.window_end;

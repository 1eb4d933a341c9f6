-- Parses the revisions of the load's pages. Responses that turned out to be about another page (a redirect's target, a new page
-- under an old title) are left out: staging.page says which page id each reading is about. What the wiki does not know is NULL: a
-- missing parent, and a size of 0 without a checksum. A user without an account is anonymous only under an address.
INSERT INTO staging.revision (
    load_id, raw_id, reading_id, page_id, wikipedia_page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor,
    is_anonymous, is_temporary, revision_size_bytes, revision_comment, tags, sha1
)
SELECT
    response.load_id,
    response.raw_id,
    response.reading_id,
    response.page_id,
    page.pageid,
    revision.revid,
    revision.parentid,
    revision."timestamp",
    CASE WHEN revision.userhidden THEN NULL ELSE revision."user" END,
    coalesce(revision.minor, false),
    coalesce(revision.anon, false) AND revision.userhidden IS NOT TRUE AND coalesce(staging.is_ip_address(revision."user"), false),
    coalesce(revision.temp, false) AND revision.userhidden IS NOT TRUE,
    CASE WHEN revision.size = 0 AND revision.sha1 = '' THEN NULL ELSE revision.size END,
    CASE WHEN revision.commenthidden THEN NULL ELSE revision.comment END,
    ARRAY(SELECT jsonb_array_elements_text(coalesce(revision.tags, '[]'))),
    CASE WHEN revision.sha1hidden THEN '' ELSE nullif(revision.sha1, '') END
FROM audit.load AS load
INNER JOIN staging.page_response AS response ON load.load_id = response.load_id
INNER JOIN raw.wikipedia_pages AS stored ON response.raw_id = stored.id
CROSS JOIN LATERAL jsonb_to_recordset(response.payload::jsonb #> '{query,pages}') AS page (pageid bigint, revisions jsonb)
INNER JOIN staging.page AS staged
    ON
        response.load_id = staged.load_id
        AND response.page_id = staged.page_id
        AND response.reading_id = staged.reading_id
        AND page.pageid = staged.wikipedia_page_id
CROSS JOIN LATERAL jsonb_to_recordset(coalesce(page.revisions, '[]')) AS revision (
    revid bigint, parentid bigint, "timestamp" timestamptz, "user" text, userhidden boolean, minor boolean, anon boolean,
    temp boolean, size bigint, comment text, commenthidden boolean, tags jsonb, sha1 text, sha1hidden boolean
)
WHERE
    load.load_id = %(load_id)s
    AND response.raw_id NOT IN (SELECT problem.raw_id FROM staging.problem WHERE problem.load_id = %(load_id)s AND problem.is_unreadable)
    -- A replay takes of a reading what lies in its own window. What was answered beyond what was asked for is for the audit to refuse.
    AND (
        (revision."timestamp" >= response.window_start AND revision."timestamp" < response.window_end)
        OR revision."timestamp" < stored.window_start
        OR revision."timestamp" >= stored.window_end
    );

-- Merges the trusted revisions into core. The newest response says what a revision is: also that its user is hidden, or that it is no
-- longer listed, in whatever order loads are published. Of parent, size and checksum the newest known value stays. A replay speaks
-- for the newest of the responses that it is made of. Unchanged rows are not rewritten, unless another response must lose by it: one
-- that is newer than theirs and older than this one and may yet be published, or one about another title of the page.
WITH this AS (
    SELECT
        load.load_id, load.is_replay, load.source, load.subject_ids, load.window_start, load.window_end,
        coalesce(max(considered.raw_id), 0) AS overruled
    FROM audit.load AS load
    LEFT JOIN audit.load_response AS considered ON load.load_id = considered.load_id AND load.attempt = considered.attempt
    WHERE load.load_id = %(load_id)s
    GROUP BY load.load_id
),

-- The loads that may yet bring something of the same. First: their responses are many, and nearly always there is no such load.
other AS MATERIALIZED (
    SELECT other.load_id
    FROM this
    INNER JOIN audit.unsettled_load AS other
        ON
            this.source = other.source
            AND this.load_id <> other.load_id
            AND this.subject_ids && other.subject_ids
            AND this.window_start < other.window_end
            AND this.window_end > other.window_start
),

unsettled AS MATERIALIZED (
    SELECT response.page_id, response.window_start, response.window_end, response.raw_id, day.day
    FROM this
    CROSS JOIN other
    INNER JOIN staging.page_response AS response ON other.load_id = response.load_id
    -- By day, so that the join below can hash: there may be thousands.
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', response.window_start, 'UTC'), response.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
    WHERE response.page_id = ANY(this.subject_ids)
),

-- The published readings that have something of the window.
published AS MATERIALIZED (
    SELECT
        response.subject_id, response.raw_id, response.load_id, response.wikipedia_page_id, response.window_start, response.window_end,
        response.answered_at, day.day
    FROM this
    INNER JOIN audit.published_response AS response
        ON
            this.source = response.source
            AND this.window_start < response.window_end
            AND this.window_end > response.window_start
            AND response.subject_id = ANY(this.subject_ids)
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', response.window_start, 'UTC'), response.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
),

trusted AS (
    SELECT * FROM staging.revision
    WHERE load_id = %(load_id)s AND NOT is_quarantined AND NOT is_withheld
),

newest AS (
    SELECT DISTINCT ON (page_id, revision_id) *
    FROM trusted
    ORDER BY page_id, revision_id, raw_id DESC
),

-- What the wiki may not know of a revision, by the newest response that does.
piece AS (
    SELECT
        page_id,
        revision_id,
        ARRAY[
            max(raw_id) FILTER (WHERE parent_id IS NOT NULL),
            max(raw_id) FILTER (WHERE revision_size_bytes IS NOT NULL),
            max(raw_id) FILTER (WHERE sha1 IS NOT NULL)
        ] AS field_raw_ids,
        (array_agg(parent_id ORDER BY raw_id DESC) FILTER (WHERE parent_id IS NOT NULL))[1] AS parent_id,
        (array_agg(revision_size_bytes ORDER BY raw_id DESC) FILTER (WHERE revision_size_bytes IS NOT NULL))[1] AS revision_size_bytes,
        (array_agg(sha1 ORDER BY raw_id DESC) FILTER (WHERE sha1 IS NOT NULL))[1] AS sha1
    FROM trusted
    GROUP BY page_id, revision_id
),

-- Which newer reading of its time did not list a revision: one of this load, or one that was published when core did not have the
-- revision. A reading that set the revision aside had listed it.
unlisted AS (
    SELECT DISTINCT ON (newest.page_id, newest.revision_id)
        newest.page_id,
        newest.revision_id,
        published.raw_id,
        published.answered_at
    FROM newest
    CROSS JOIN this
    INNER JOIN published
        ON
            newest.page_id = published.subject_id
            AND date_trunc('day', newest.revision_timestamp, 'UTC') = published.day
            AND newest.revision_timestamp >= published.window_start
            AND newest.revision_timestamp < published.window_end
            AND newest.wikipedia_page_id = published.wikipedia_page_id
            AND newest.raw_id < published.raw_id
            AND newest.reading_id <> published.raw_id
    LEFT JOIN core.revision AS known ON newest.page_id = known.page_id AND newest.revision_id = known.revision_id
    WHERE
        (published.load_id = this.load_id OR known.raw_id IS NULL OR known.removed_at IS NOT NULL)
        AND NOT EXISTS (
            SELECT 1 FROM staging.revision AS listed
            WHERE
                listed.load_id = this.load_id
                AND listed.page_id = newest.page_id
                AND listed.revision_id = newest.revision_id
                AND listed.reading_id = published.raw_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM audit.quarantine AS set_aside
            WHERE
                set_aside.load_id = published.load_id
                AND set_aside.row_key = jsonb_build_object('page_id', newest.page_id, 'revision_id', newest.revision_id)
        )
    ORDER BY newest.page_id, newest.revision_id, published.raw_id DESC
),

-- What the responses say of each revision, and what core takes of it.
offered AS (
    SELECT
        newest.load_id,
        newest.page_id,
        newest.revision_id,
        newest.wikipedia_page_id,
        newest.revision_timestamp,
        CASE WHEN unlisted.raw_id IS NULL THEN newest.revision_user END AS revision_user,
        newest.is_minor,
        newest.is_anonymous AND unlisted.raw_id IS NULL AS is_anonymous,
        newest.is_temporary AND unlisted.raw_id IS NULL AS is_temporary,
        CASE WHEN unlisted.raw_id IS NULL THEN newest.revision_comment END AS revision_comment,
        newest.tags,
        unlisted.answered_at AS removed_at,
        coalesce(unlisted.raw_id, newest.raw_id) AS raw_id,
        piece.parent_id,
        piece.revision_size_bytes,
        nullif(piece.sha1, '') AS sha1,
        piece.field_raw_ids,
        known.raw_id IS NULL OR known.raw_id <= greatest(coalesce(unlisted.raw_id, newest.raw_id), this.overruled) AS is_newest,
        piece.parent_id IS NOT NULL AND (
            known.parent_id IS NULL
            OR coalesce(known.field_raw_ids[1], known.raw_id) <= greatest(piece.field_raw_ids[1], this.overruled)
        ) AS takes_parent,
        piece.revision_size_bytes IS NOT NULL AND (
            known.revision_size_bytes IS NULL
            OR coalesce(known.field_raw_ids[2], known.raw_id) <= greatest(piece.field_raw_ids[2], this.overruled)
        ) AS takes_size,
        -- A hidden checksum is a value; an unknown one comes with an unknown size.
        piece.sha1 IS NOT NULL AND (
            (known.sha1 IS NULL AND known.revision_size_bytes IS NULL)
            OR coalesce(known.field_raw_ids[3], known.raw_id) <= greatest(piece.field_raw_ids[3], this.overruled)
        ) AS takes_sha1
    FROM newest
    CROSS JOIN this
    INNER JOIN piece ON newest.page_id = piece.page_id AND newest.revision_id = piece.revision_id
    LEFT JOIN core.revision AS known ON newest.page_id = known.page_id AND newest.revision_id = known.revision_id
    LEFT JOIN unlisted ON newest.page_id = unlisted.page_id AND newest.revision_id = unlisted.revision_id
),

merged AS (
    SELECT
        offered.load_id,
        offered.page_id,
        offered.revision_id,
        CASE WHEN offered.takes_parent THEN offered.parent_id ELSE known.parent_id END AS parent_id,
        CASE WHEN offered.is_newest THEN offered.revision_timestamp ELSE known.revision_timestamp END AS revision_timestamp,
        CASE WHEN offered.is_newest THEN offered.revision_user ELSE known.revision_user END AS revision_user,
        CASE WHEN offered.is_newest THEN offered.is_minor ELSE known.is_minor END AS is_minor,
        CASE WHEN offered.is_newest THEN offered.is_anonymous ELSE known.is_anonymous END AS is_anonymous,
        CASE WHEN offered.is_newest THEN offered.is_temporary ELSE known.is_temporary END AS is_temporary,
        CASE WHEN offered.takes_size THEN offered.revision_size_bytes ELSE known.revision_size_bytes END AS revision_size_bytes,
        CASE WHEN offered.is_newest THEN offered.revision_comment ELSE known.revision_comment END AS revision_comment,
        CASE WHEN offered.is_newest THEN offered.tags ELSE known.tags END AS tags,
        CASE WHEN offered.takes_sha1 THEN offered.sha1 ELSE known.sha1 END AS sha1,
        CASE WHEN offered.is_newest THEN offered.wikipedia_page_id ELSE known.wikipedia_page_id END AS wikipedia_page_id,
        CASE WHEN offered.is_newest THEN offered.removed_at ELSE known.removed_at END AS removed_at,
        CASE WHEN offered.is_newest THEN offered.raw_id ELSE known.raw_id END AS raw_id,
        ARRAY[
            CASE WHEN offered.takes_parent THEN offered.field_raw_ids[1] ELSE coalesce(known.field_raw_ids[1], known.raw_id) END,
            CASE WHEN offered.takes_size THEN offered.field_raw_ids[2] ELSE coalesce(known.field_raw_ids[2], known.raw_id) END,
            CASE WHEN offered.takes_sha1 THEN offered.field_raw_ids[3] ELSE coalesce(known.field_raw_ids[3], known.raw_id) END
        ] AS field_raw_ids
    FROM offered
    LEFT JOIN core.revision AS known ON offered.page_id = known.page_id AND offered.revision_id = known.revision_id
),

-- The responses that may yet be published of a revision.
contested AS MATERIALIZED (
    SELECT newest.page_id, newest.revision_id, array_agg(unsettled.raw_id) AS raw_ids
    FROM newest
    INNER JOIN unsettled
        ON
            newest.page_id = unsettled.page_id
            AND date_trunc('day', newest.revision_timestamp, 'UTC') = unsettled.day
            AND newest.revision_timestamp >= unsettled.window_start
            AND newest.revision_timestamp < unsettled.window_end
    GROUP BY newest.page_id, newest.revision_id
),

said AS NOT MATERIALIZED (
    SELECT known.page_id, known.revision_id FROM core.revision AS known
    UNION ALL
    SELECT offered.page_id, offered.revision_id FROM newest AS offered
),

-- Revisions that core has under another title of theirs too: of the two the mart takes what was said last.
elsewhere AS MATERIALIZED (
    SELECT newest.page_id, newest.revision_id
    FROM newest
    INNER JOIN core.tracked_page AS followed ON newest.page_id = followed.page_id
    INNER JOIN said ON newest.revision_id = said.revision_id AND newest.page_id <> said.page_id
    INNER JOIN core.tracked_page AS other ON said.page_id = other.page_id AND followed.page_language = other.page_language
),

differing AS (
    SELECT merged.*
    FROM merged
    LEFT JOIN core.revision AS known ON merged.page_id = known.page_id AND merged.revision_id = known.revision_id
    LEFT JOIN contested ON merged.page_id = contested.page_id AND merged.revision_id = contested.revision_id
    WHERE
        known.raw_id IS NULL
        OR (
            known.parent_id, known.revision_timestamp, known.revision_user, known.is_minor, known.is_anonymous, known.is_temporary,
            known.revision_size_bytes, known.revision_comment, known.tags, known.sha1, known.wikipedia_page_id, known.removed_at
        ) IS DISTINCT FROM (
            merged.parent_id, merged.revision_timestamp, merged.revision_user, merged.is_minor, merged.is_anonymous,
            merged.is_temporary, merged.revision_size_bytes, merged.revision_comment, merged.tags, merged.sha1,
            merged.wikipedia_page_id, merged.removed_at
        )
        OR EXISTS (
            SELECT 1
            FROM unnest(contested.raw_ids) AS unsettled (raw_id)
            CROSS JOIN unnest(
                known.raw_id || coalesce(known.field_raw_ids, array_fill(known.raw_id, ARRAY[3])),
                merged.raw_id || merged.field_raw_ids
            ) AS said_by (was, becomes)
            WHERE
                unsettled.raw_id > said_by.was
                AND unsettled.raw_id < said_by.becomes
        )
        OR (merged.page_id, merged.revision_id) IN (SELECT elsewhere.page_id, elsewhere.revision_id FROM elsewhere)
),

changed AS (
    INSERT INTO core.revision (
        page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, is_temporary,
        revision_size_bytes, size_delta_bytes, revision_comment, tags, sha1, wikipedia_page_id, removed_at, raw_id, field_raw_ids, load_id
    )
    SELECT
        differing.page_id,
        differing.revision_id,
        differing.parent_id,
        differing.revision_timestamp,
        differing.revision_user,
        differing.is_minor,
        differing.is_anonymous,
        differing.is_temporary,
        differing.revision_size_bytes,
        differing.revision_size_bytes
        - CASE WHEN differing.parent_id = 0 THEN 0 ELSE coalesce(parent.revision_size_bytes, core_parent.revision_size_bytes) END,
        differing.revision_comment,
        differing.tags,
        differing.sha1,
        differing.wikipedia_page_id,
        differing.removed_at,
        differing.raw_id,
        CASE WHEN differing.raw_id <> ANY(differing.field_raw_ids) THEN differing.field_raw_ids END,
        differing.load_id
    FROM differing
    LEFT JOIN merged AS parent ON differing.page_id = parent.page_id AND differing.parent_id = parent.revision_id
    LEFT JOIN core.revision AS core_parent ON differing.page_id = core_parent.page_id AND differing.parent_id = core_parent.revision_id
    ORDER BY differing.page_id, differing.revision_id
    ON CONFLICT (page_id, revision_id) DO UPDATE SET
        parent_id = excluded.parent_id,
        revision_timestamp = excluded.revision_timestamp,
        revision_user = excluded.revision_user,
        is_minor = excluded.is_minor,
        is_anonymous = excluded.is_anonymous,
        is_temporary = excluded.is_temporary,
        revision_size_bytes = excluded.revision_size_bytes,
        size_delta_bytes = excluded.size_delta_bytes,
        revision_comment = excluded.revision_comment,
        tags = excluded.tags,
        sha1 = excluded.sha1,
        wikipedia_page_id = excluded.wikipedia_page_id,
        removed_at = excluded.removed_at,
        raw_id = excluded.raw_id,
        field_raw_ids = excluded.field_raw_ids,
        load_id = excluded.load_id
    RETURNING 1
)

UPDATE audit.load
SET rows_published = (SELECT count(*) FROM newest), rows_changed = (SELECT count(*) FROM changed)
WHERE load_id = %(load_id)s AND status <> 'published';

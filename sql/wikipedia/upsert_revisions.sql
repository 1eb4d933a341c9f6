-- Upserts the audited revisions. What the wiki hid since (user, comment, sha1) is blanked; unchanged rows are not rewritten;
-- revisions that core has, and that a load with later answers has read meanwhile, are left to that load. The size change needs the
-- parent, from this load or from core.
WITH later AS (
    SELECT subject_ids, window_start, window_end
    FROM audit.later_load
    WHERE load_id = %(load_id)s
),

-- Not the revisions that core lacks: the later answer did not have them, for the page was deleted meanwhile; nothing is dropped.
left_to_later AS (
    SELECT staged.page_id, staged.revision_id
    FROM later
    INNER JOIN staging.revision AS staged
        ON
            staged.page_id = ANY(later.subject_ids)
            AND later.window_start <= staged.revision_timestamp
            AND later.window_end > staged.revision_timestamp
    INNER JOIN core.revision AS known ON staged.page_id = known.page_id AND staged.revision_id = known.revision_id
    WHERE staged.load_id = %(load_id)s
),

offered AS (
    SELECT
        staged.page_id,
        staged.revision_id,
        staged.parent_id,
        staged.revision_timestamp,
        staged.revision_user,
        staged.is_minor,
        staged.is_anonymous,
        staged.is_temporary,
        staged.revision_size_bytes,
        CASE
            WHEN staged.parent_id = 0 THEN staged.revision_size_bytes
            ELSE staged.revision_size_bytes - coalesce(staged_parent.revision_size_bytes, core_parent.revision_size_bytes)
        END AS size_delta_bytes,
        staged.revision_comment,
        staged.tags,
        staged.sha1,
        staged.raw_id,
        staged.load_id
    FROM staging.revision AS staged
    LEFT JOIN staging.revision AS staged_parent
        ON
            staged.load_id = staged_parent.load_id
            AND staged.page_id = staged_parent.page_id
            AND staged.parent_id = staged_parent.revision_id
            AND NOT staged_parent.is_quarantined
    LEFT JOIN core.revision AS core_parent
        ON staged.page_id = core_parent.page_id AND staged.parent_id = core_parent.revision_id
    WHERE
        staged.load_id = %(load_id)s
        AND NOT staged.is_quarantined
        AND NOT EXISTS (
            SELECT 1 FROM left_to_later
            WHERE staged.page_id = left_to_later.page_id AND staged.revision_id = left_to_later.revision_id
        )
    ORDER BY staged.page_id, staged.revision_id
),

changed AS (
    INSERT INTO core.revision AS core_row (
        page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, is_temporary,
        revision_size_bytes, size_delta_bytes, revision_comment, tags, sha1, raw_id, load_id
    )
    SELECT * FROM offered
    ON CONFLICT (page_id, revision_id) DO UPDATE SET
        parent_id = excluded.parent_id,
        revision_timestamp = excluded.revision_timestamp,
        revision_user = excluded.revision_user,
        is_minor = excluded.is_minor,
        is_anonymous = excluded.is_anonymous,
        is_temporary = excluded.is_temporary,
        revision_size_bytes = excluded.revision_size_bytes,
        size_delta_bytes = coalesce(excluded.size_delta_bytes, core_row.size_delta_bytes),
        revision_comment = excluded.revision_comment,
        tags = excluded.tags,
        sha1 = excluded.sha1,
        raw_id = excluded.raw_id,
        load_id = excluded.load_id
    WHERE
        (
            core_row.parent_id, core_row.revision_timestamp, core_row.revision_user, core_row.is_minor, core_row.is_anonymous,
            core_row.is_temporary, core_row.revision_size_bytes, core_row.size_delta_bytes, core_row.revision_comment,
            core_row.tags, core_row.sha1
        ) IS DISTINCT FROM (
            excluded.parent_id, excluded.revision_timestamp, excluded.revision_user, excluded.is_minor, excluded.is_anonymous,
            excluded.is_temporary, excluded.revision_size_bytes, coalesce(excluded.size_delta_bytes, core_row.size_delta_bytes),
            excluded.revision_comment, excluded.tags, excluded.sha1
        )
    RETURNING 1
)

UPDATE audit.load
SET rows_published = (SELECT count(*) FROM offered), rows_changed = (SELECT count(*) FROM changed)
WHERE load_id = %(load_id)s AND status <> 'published';

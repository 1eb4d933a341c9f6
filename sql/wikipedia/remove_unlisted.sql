-- Marks what core has in the windows that were read, and that the wiki no longer lists there, as removed; user and comment are
-- blanked, as of what is hidden. What a newer response gave stays; of a page that is gone as a whole all history stays.
WITH unlisted AS (
    SELECT DISTINCT ON (known.page_id, known.revision_id)
        known.page_id,
        known.revision_id,
        reading.reading_id,
        reading.seen_at
    FROM staging.page AS reading
    INNER JOIN core.revision AS known
        ON
            reading.page_id = known.page_id
            AND reading.wikipedia_page_id = known.wikipedia_page_id
            AND reading.window_start <= known.revision_timestamp
            AND reading.window_end > known.revision_timestamp
            AND reading.reading_id > known.raw_id
    WHERE
        reading.load_id = %(load_id)s
        AND NOT reading.is_withheld
        AND NOT reading.is_missing
        AND (
            known.removed_at IS NULL
            -- Of two titles of a page the mart takes what was said last.
            OR EXISTS (
                SELECT 1
                FROM core.tracked_page AS followed
                INNER JOIN core.tracked_page AS other
                    ON followed.page_language = other.page_language AND followed.page_id <> other.page_id
                INNER JOIN core.revision AS elsewhere ON other.page_id = elsewhere.page_id
                WHERE followed.page_id = known.page_id AND elsewhere.revision_id = known.revision_id
            )
        )
        AND NOT EXISTS (
            SELECT 1 FROM staging.revision AS listed
            WHERE
                listed.load_id = reading.load_id
                AND listed.page_id = known.page_id
                AND listed.revision_id = known.revision_id
                AND NOT listed.is_withheld
                AND listed.reading_id >= reading.reading_id
        )
    ORDER BY known.page_id, known.revision_id, reading.reading_id DESC
),

removed AS (
    UPDATE core.revision AS known
    SET
        removed_at = coalesce(known.removed_at, unlisted.seen_at),
        revision_user = NULL,
        revision_comment = NULL,
        is_anonymous = false,
        is_temporary = false,
        raw_id = unlisted.reading_id,
        field_raw_ids = coalesce(known.field_raw_ids, array_fill(known.raw_id, ARRAY[3])),
        load_id = %(load_id)s
    FROM unlisted
    WHERE known.page_id = unlisted.page_id AND known.revision_id = unlisted.revision_id
    RETURNING 1
)

UPDATE audit.load
SET rows_changed = rows_changed + (SELECT count(*) FROM removed)
WHERE load_id = %(load_id)s AND status <> 'published';

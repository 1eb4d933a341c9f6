-- Of a revision that several stored answers give, a replay keeps what one of them says: a published answer comes before others,
-- then the latest, which knows what was hidden since. A revision twice in one answer stays twice: that is the audit's to refuse.
WITH replay AS (
    SELECT load_id FROM audit.load WHERE load_id = %(load_id)s AND is_replay
),

ranked AS (
    SELECT
        staged.ctid AS row_address,
        staged.raw_id,
        first_value(staged.raw_id) OVER (
            PARTITION BY staged.page_id, staged.revision_id
            ORDER BY answer.was_published DESC, answer.extracted_at DESC, staged.raw_id DESC
        ) AS kept_raw_id
    FROM staging.revision AS staged
    INNER JOIN staging.page_answer AS answer ON staged.load_id = answer.load_id AND staged.raw_id = answer.raw_id
    WHERE staged.load_id = (SELECT replay.load_id FROM replay)
)

DELETE FROM staging.revision AS staged
USING ranked
WHERE
    staged.load_id = (SELECT replay.load_id FROM replay)
    AND staged.ctid = ranked.row_address
    AND ranked.raw_id <> ranked.kept_raw_id;

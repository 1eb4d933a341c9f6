-- Begins an extraction attempt: what earlier attempts landed stays in raw, but is not transformed any more. That the load was
-- published before stays on record.
UPDATE audit.load
SET
    status = 'extracting',
    attempt = attempt + 1,
    rows_raw = NULL,
    rows_staged = NULL,
    rows_quarantined = NULL,
    units_withheld = NULL,
    rows_published = NULL,
    rows_changed = NULL,
    extracted_at = NULL,
    staged_at = NULL,
    audited_at = NULL,
    error = NULL
WHERE load_id = %(load_id)s AND status <> 'superseded'
RETURNING load_id, attempt, subject_ids, window_start, window_end, is_replay;

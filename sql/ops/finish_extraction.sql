-- Marks an extraction attempt as complete and notes it, unless a newer attempt has begun meanwhile or the run was planned again.
-- unanswered_ids: what got no response, or one that is a problem and that no later one made up for. Raw does not tell: an error may
-- have been asked again at once.
WITH finished AS (
    UPDATE audit.load
    SET status = 'extracted', extracted_at = clock_timestamp(), rows_raw = %(rows_raw)s, error = NULL
    WHERE load_id = %(load_id)s AND attempt = %(attempt)s AND status <> 'superseded'
    RETURNING load_id, attempt, extracted_at
)

INSERT INTO audit.extraction (load_id, attempt, extracted_at, unanswered_ids)
SELECT
    finished.load_id,
    finished.attempt,
    finished.extracted_at,
    ARRAY(SELECT DISTINCT problem.subject_id FROM staging.problem WHERE problem.load_id = finished.load_id)
FROM finished
RETURNING load_id;

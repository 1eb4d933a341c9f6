-- Loads of a source that took a step a moment ago, as long as what has been published has not waited longer than that.
SELECT load.load_id
FROM audit.load
WHERE
    load.source = %(source)s
    AND load.status IN ('planned', 'extracting', 'extracted', 'staged', 'audited')
    AND greatest(load.planned_at, load.extracted_at, load.staged_at, load.audited_at) > clock_timestamp() - %(patience)s
    AND clock_timestamp() - %(patience)s < (
        SELECT min(due.marts_due_since)
        FROM audit.load AS due
        WHERE due.source = %(source)s AND due.marts_due_since IS NOT NULL
    )
LIMIT 1;

-- The published loads of a source in a window that no refresh of its marts has seen.
SELECT load_id
FROM audit.load
WHERE source = %(source)s AND window_start < %(window_end)s AND window_end > %(window_start)s AND marts_due_since IS NOT NULL
ORDER BY load_id;

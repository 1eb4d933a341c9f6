-- Why subjects of a load cannot be loaded in a window, unless a newer extraction of it has begun: then nobody wants to know.
INSERT INTO staging.problem (load_id, subject_id, window_start, window_end, raw_id, problem)
SELECT load.load_id, subject.subject_id, %(window_start)s, %(window_end)s, %(raw_id)s, %(problem)s
FROM audit.load AS load
CROSS JOIN unnest(%(subject_ids)s::bigint []) AS subject (subject_id)
WHERE load.load_id = %(load_id)s AND load.attempt = %(attempt)s
FOR SHARE OF load;

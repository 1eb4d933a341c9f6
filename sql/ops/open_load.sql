-- Opens one load in the ledger and returns its id.
INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, is_replay)
VALUES (
    %(dag_id)s, %(run_id)s, %(map_index)s, %(source)s, %(subject_ids)s, %(window_start)s, %(window_end)s,
    %(is_replay)s
)
RETURNING load_id;

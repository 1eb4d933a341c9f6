-- A response that the transform of a load leaves out, with its subject and the window that it was for.
INSERT INTO staging.problem (load_id, subject_id, window_start, window_end, raw_id, problem, is_unreadable)
VALUES (%(load_id)s, %(subject_id)s, %(window_start)s, %(window_end)s, %(raw_id)s, %(problem)s, true);

-- Locks the load to the end of the transaction; refuses one whose run was planned again since.
SELECT audit.lock_load(%(load_id)s, 'plan');

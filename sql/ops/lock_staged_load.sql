-- Locks the load to the end of the transaction; refuses one whose task transform has not finished.
SELECT audit.lock_load(%(load_id)s, 'transform');

-- The loads that a running transaction has locked or changed: PostgreSQL notes that in the row, where the owner sees it also of a
-- process whose statements are hidden from it.
SELECT load_id, dag_id, run_id, status
FROM audit.load
WHERE xmax = %(transaction_id)s::xid
ORDER BY load_id;

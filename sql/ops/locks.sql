-- Who waits for a lock in this database, since when and with what, and who keeps it waiting: a row for each pair. A statement of
-- another role is hidden from who is no member of pg_read_all_stats. Process 0 stands for prepared transactions.
SELECT
    waiting.pid AS waiting_pid,
    waiting.usename AS waiting_role,
    waiting.application_name AS waiting_application,
    waiting.query AS waiting_query,
    lock.waits_since,
    clock_timestamp() - lock.waits_since AS waits_for,
    blocker.pid,
    process.usename AS role_name,
    nullif(process.application_name, '') AS application,
    process.state,
    process.xact_start AS began,
    clock_timestamp() - process.xact_start AS lasts,
    CASE WHEN process.state IS NOT NULL THEN process.query END AS query,
    NOT role.rolsuper
    AND coalesce(pg_has_role(to_regrole('dw_owner')::oid, 'pg_signal_backend', 'USAGE'), FALSE) AS owner_may_end
FROM pg_stat_activity AS waiting
INNER JOIN LATERAL (SELECT DISTINCT unnest(pg_blocking_pids(waiting.pid)) AS pid) AS blocker ON TRUE
LEFT JOIN LATERAL (
    SELECT min(wanted.waitstart) AS waits_since FROM pg_locks AS wanted WHERE wanted.pid = waiting.pid AND NOT wanted.granted
) AS lock ON TRUE
LEFT JOIN pg_stat_activity AS process ON blocker.pid = process.pid
LEFT JOIN pg_roles AS role ON process.usesysid = role.oid
WHERE waiting.datname = current_database()
ORDER BY lock.waits_since, waiting.pid, blocker.pid;

-- The processes that the sessions of an application wait for, and those that they in turn wait for. What a process of another role
-- does is hidden (NULL) from who is no member of pg_read_all_stats; its role, its application and its transaction are not. Process 0
-- stands for prepared transactions.
WITH RECURSIVE waited_for AS (
    SELECT unnest(pg_blocking_pids(session.pid)) AS pid
    FROM pg_stat_activity AS session
    WHERE session.application_name = %(application_name)s AND session.wait_event_type = 'Lock'
    UNION
    SELECT unnest(pg_blocking_pids(waited_for.pid)) FROM waited_for
)

SELECT
    waited_for.pid,
    process.usename AS role_name,
    nullif(process.application_name, '') AS application,
    process.backend_xid::text AS transaction_id,
    process.state,
    process.xact_start AS began,
    extract(EPOCH FROM clock_timestamp() - process.xact_start)::integer AS seconds,
    CASE WHEN process.state IS NOT NULL THEN process.query END AS query,
    NOT role.rolsuper
    AND coalesce(pg_has_role(to_regrole('dw_owner')::oid, 'pg_signal_backend', 'USAGE'), FALSE) AS owner_may_end,
    pg_blocking_pids(waited_for.pid) AS waits_for
FROM waited_for
LEFT JOIN pg_stat_activity AS process ON waited_for.pid = process.pid
LEFT JOIN pg_roles AS role ON process.usesysid = role.oid
WHERE process.application_name IS DISTINCT FROM %(application_name)s
ORDER BY waited_for.pid;

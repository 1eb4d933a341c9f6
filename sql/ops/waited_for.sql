-- The processes that the sessions of an application wait for, and those that they in turn wait for. What a process of another role
-- does is hidden (NULL); its role, its application and its transaction are not. Process 0 stands for prepared transactions.
WITH RECURSIVE waited_for AS (
    SELECT unnest(pg_blocking_pids(session.pid)) AS pid
    FROM pg_stat_activity AS session
    WHERE session.application_name = %(application_name)s
    UNION
    SELECT unnest(pg_blocking_pids(waited_for.pid)) FROM waited_for
)

SELECT
    waited_for.pid,
    process.usename AS role_name,
    nullif(process.application_name, '') AS application,
    process.backend_xid::text AS transaction_id,
    process.state,
    extract(EPOCH FROM clock_timestamp() - process.xact_start)::integer AS seconds,
    CASE WHEN process.state IS NOT NULL THEN process.query END AS query,
    pg_blocking_pids(waited_for.pid) AS waits_for
FROM waited_for
LEFT JOIN pg_stat_activity AS process ON waited_for.pid = process.pid
WHERE process.application_name IS DISTINCT FROM %(application_name)s
ORDER BY waited_for.pid;

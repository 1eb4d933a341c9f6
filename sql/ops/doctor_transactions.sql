-- The sessions of this database with an open transaction, and those that wait for a lock of another; the doctor's own are left out. What
-- a session of another role does is hidden (NULL) from who is no member of pg_monitor.
WITH waiting AS (
    SELECT pid, min(waitstart) AS since
    FROM pg_locks
    WHERE NOT granted
    GROUP BY pid
)

SELECT
    session.pid,
    session.usename::text AS role_name,
    nullif(session.application_name, '') AS application,
    session.state,
    extract(EPOCH FROM clock_timestamp() - session.xact_start)::float8 AS seconds,
    extract(EPOCH FROM clock_timestamp() - waiting.since)::float8 AS waits,
    pg_blocking_pids(session.pid) AS blocked_by
FROM pg_stat_activity AS session
LEFT JOIN waiting ON session.pid = waiting.pid
WHERE
    session.datname = current_database()
    AND session.backend_type = 'client backend'
    AND session.application_name <> 'doctor'
    AND (session.xact_start IS NOT NULL OR waiting.since IS NOT NULL)
ORDER BY session.xact_start, session.pid;

-- What every session of the roles begins with, and who may see and end those of others; safe to run twice and at once. What the
-- administrator of a managed server may not set, or the server does not know, is left out with a warning.
DO $$
DECLARE
    command text;
BEGIN
    -- Two that change the same role at once would fail; this lasts to the end of the transaction.
    PERFORM pg_advisory_xact_lock(hashtext('dw bootstrap'));
    FOR command IN
        SELECT format('ALTER ROLE %I SET %s TO %L', role.name, setting.name, setting.value)
        FROM unnest(ARRAY['dw_owner', 'dw_loader', 'dw_reader']) AS role (name)
        CROSS JOIN (
            VALUES
            -- A transaction that somebody forgot ends by itself. Ours pause for seconds, at most for the import of Great
            -- Expectations; and a task that waits for one is tried for four minutes, so that it comes through.
            ('idle_in_transaction_session_timeout', '3min'),
            -- The end of a client is noticed also while its statement waits for a lock or works: a task that timed out or was
            -- killed leaves nothing that waits. Not on macOS before PostgreSQL 16.
            ('client_connection_check_interval', '5s'),
            -- A machine that went away without a word ends its sessions after two minutes; the default is two hours.
            ('tcp_keepalives_idle', '60s'),
            ('tcp_keepalives_interval', '10s'),
            ('tcp_keepalives_count', '6'),
            -- PostgreSQL's log names who waits for longer than deadlock_timeout, a second, and for whom.
            ('log_lock_waits', 'on')
        ) AS setting (name, value)
        UNION ALL
        VALUES
        -- `python -m include locks` shows what others do; what it prints ends them.
        ('GRANT pg_monitor, pg_signal_backend TO dw_owner'),
        -- The error of a task says what the one does that kept it waiting.
        ('GRANT pg_read_all_stats TO dw_loader')
    LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION WHEN insufficient_privilege OR invalid_parameter_value OR undefined_object THEN
            RAISE WARNING 'left out: %: %', command, sqlerrm;
        END;
    END LOOP;
END
$$;

-- A task waits a minute for a lock, also for one on a worker: what its session begins with is not passed on, what its role has is. And
-- the owner empties tables shard by shard: a trigger that reads the places first would make Citus refuse it otherwise.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE dw_loader IN DATABASE %I SET lock_timeout TO %L', current_database(), '1min');
    EXECUTE format('ALTER ROLE dw_owner IN DATABASE %I SET lock_timeout TO %L', current_database(), '1min');
    EXECUTE format('ALTER ROLE dw_owner IN DATABASE %I SET citus.multi_shard_modify_mode TO %L', current_database(), 'sequential');
END
$$;

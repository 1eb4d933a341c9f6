-- How the workers reach the coordinator.
SELECT citus_set_coordinator_host(%(host)s, %(port)s);

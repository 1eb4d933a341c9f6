-- The refresh saw these publications; a load that was published again meanwhile stays due.
UPDATE audit.load
SET marts_due_since = NULL, marts_refreshed_at = clock_timestamp()
FROM unnest(%(load_ids)s::bigint [], %(due_since)s::timestamptz []) AS seen (load_id, due_since)
WHERE audit.load.load_id = seen.load_id AND audit.load.marts_due_since = seen.due_since;

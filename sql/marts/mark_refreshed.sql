-- The refresh saw these publications; a load that was published again meanwhile stays due.
UPDATE audit.load
SET marts_refreshed_at = clock_timestamp()
FROM unnest(%(load_ids)s::bigint [], %(published_at)s::timestamptz []) AS seen (load_id, published_at)
WHERE audit.load.load_id = seen.load_id AND audit.load.published_at = seen.published_at;

-- Published loads of a source that no refresh has seen. Read from the ledger, not from asset events: a burst drops events.
SELECT load_id, published_at
FROM audit.load
WHERE source = %(source)s AND status = 'published' AND marts_refreshed_at IS NULL;

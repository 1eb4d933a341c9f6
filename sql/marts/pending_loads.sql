-- Publications of a source that no refresh has seen. Read from the ledger, not from asset events: a burst drops events.
SELECT load_id, marts_due_since
FROM audit.load
WHERE source = %(source)s AND marts_due_since IS NOT NULL;

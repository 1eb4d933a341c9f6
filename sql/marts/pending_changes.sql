-- Changes of a source's rows or dimensions that no load made and no refresh has seen.
SELECT noted_by
FROM audit.mart_due
WHERE source = %(source)s;

-- The refresh saw these changes; what was noted meanwhile stays due.
DELETE FROM audit.mart_due
WHERE source = %(source)s AND noted_by = ANY(%(noted_by)s::text []::xid8 []);

-- Marks the staged hours of units that are not trusted: none of them is published.
UPDATE staging.weather AS staged
SET is_withheld = true
FROM unnest(%(raw_ids)s::bigint [], %(subject_ids)s::bigint [], %(span_starts)s::timestamptz [], %(span_ends)s::timestamptz [])
    AS unit (raw_id, location_id, span_start, span_end)
WHERE
    staged.load_id = %(load_id)s
    AND staged.raw_id = unit.raw_id
    AND staged.location_id = unit.location_id
    AND staged.observed_at >= unit.span_start
    AND staged.observed_at < unit.span_end;

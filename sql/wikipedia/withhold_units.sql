-- Marks the staged pages of pages that are not trusted: none of them is published.
UPDATE staging.page AS staged
SET is_withheld = true
FROM unnest(%(raw_ids)s::bigint [], %(subject_ids)s::bigint []) AS unit (raw_id, page_id)
WHERE staged.load_id = %(load_id)s AND staged.raw_id = unit.raw_id AND staged.page_id = unit.page_id;

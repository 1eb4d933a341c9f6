-- Revisions that were loaded before their parent get their size change now: windows may come in any order.
UPDATE core.revision AS child
SET size_delta_bytes = child.revision_size_bytes - parent.revision_size_bytes
FROM staging.revision AS staged
INNER JOIN core.revision AS parent ON staged.page_id = parent.page_id AND staged.revision_id = parent.revision_id
WHERE
    staged.load_id = %(load_id)s
    AND child.page_id = parent.page_id
    AND child.parent_id = parent.revision_id
    AND child.size_delta_bytes IS DISTINCT FROM child.revision_size_bytes - parent.revision_size_bytes;

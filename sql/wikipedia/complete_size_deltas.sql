-- The size changes of the load's revisions and of their children follow the sizes: windows may come in any order, a parent may be
-- corrected. NULL while the parent is not there or one of the sizes is unknown.
WITH touched AS (
    SELECT DISTINCT page_id, revision_id
    FROM staging.revision
    WHERE load_id = %(load_id)s
),

affected AS (
    SELECT page_id, revision_id
    FROM touched
    UNION
    SELECT child.page_id, child.revision_id
    FROM touched
    INNER JOIN core.revision AS child ON touched.page_id = child.page_id AND touched.revision_id = child.parent_id
),

computed AS (
    SELECT
        child.page_id,
        child.revision_id,
        child.revision_size_bytes - CASE WHEN child.parent_id = 0 THEN 0 ELSE parent.revision_size_bytes END AS size_delta_bytes
    FROM affected
    INNER JOIN core.revision AS child ON affected.page_id = child.page_id AND affected.revision_id = child.revision_id
    LEFT JOIN core.revision AS parent ON child.page_id = parent.page_id AND child.parent_id = parent.revision_id
)

UPDATE core.revision AS revision
SET size_delta_bytes = computed.size_delta_bytes
FROM computed
WHERE
    revision.page_id = computed.page_id
    AND revision.revision_id = computed.revision_id
    AND revision.size_delta_bytes IS DISTINCT FROM computed.size_delta_bytes;

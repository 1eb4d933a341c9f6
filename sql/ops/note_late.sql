-- Notes what has become late since it was last looked at, and returns it; forgets what is on time again. Looked at are a mart, the data of its
-- source, and of sources that have no mart, for nobody else looks at them.
WITH fresh AS (
    SELECT source, mart, is_data_late, is_mart_late
    FROM audit.freshness
    WHERE mart = %(mart)s OR mart IS NULL
),

seen AS (
    SELECT source, NULL::text AS mart, is_data_late AS is_late
    FROM fresh
    UNION ALL
    SELECT source, mart, is_mart_late AS is_late
    FROM fresh
    WHERE mart IS NOT NULL
),

-- It deletes, though nothing reads it.
forgotten AS ( -- noqa: ST03
    DELETE FROM audit.told_late AS told
    USING seen
    WHERE told.source = seen.source AND told.mart IS NOT DISTINCT FROM seen.mart AND seen.is_late IS FALSE
)

INSERT INTO audit.told_late (source, mart)
SELECT source, mart
FROM seen
WHERE is_late
ON CONFLICT (source, mart) DO NOTHING
RETURNING source, mart;

-- Revisions that lie outside the window that was asked for.
SELECT staged.page_id, staged.revision_id, staged.revision_timestamp, staged.raw_id
FROM staging.revision AS staged
INNER JOIN audit.load AS load USING (load_id)
WHERE
    staged.load_id = %(load_id)s
    AND (staged.revision_timestamp < load.window_start OR staged.revision_timestamp >= load.window_end)
ORDER BY staged.revision_timestamp
LIMIT 1000;

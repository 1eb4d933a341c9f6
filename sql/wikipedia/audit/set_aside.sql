-- Quarantined rows of the load, in words: page, revision, limit, value and raw row.
SELECT
    format(
        '%%s revision %%s: %%s is %%s (raw id %%s of raw.wikipedia_pages)',
        tracked.page_title, quarantine.row_key ->> 'revision_id', quarantine.expectation, quarantine.value, quarantine.raw_id
    )
FROM audit.quarantine AS quarantine
LEFT JOIN core.tracked_page AS tracked ON (quarantine.row_key ->> 'page_id')::bigint = tracked.page_id
WHERE quarantine.load_id = %(load_id)s
ORDER BY quarantine.raw_id, quarantine.row_key
LIMIT 3;

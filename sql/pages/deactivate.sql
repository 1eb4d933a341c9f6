-- Stops following the pages that left the seed file; their history stays.
UPDATE core.tracked_page
SET is_active = false, updated_at = now()
WHERE
    is_active
    AND (page_title, page_language) NOT IN (SELECT * FROM unnest(%(titles)s::text [], %(languages)s::text []));

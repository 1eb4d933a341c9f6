-- Follows a page: new or active again.
INSERT INTO core.tracked_page AS known (page_title, page_language)
VALUES (%(page_title)s, %(page_language)s)
ON CONFLICT (page_language, page_title) DO UPDATE SET is_active = true, updated_at = excluded.updated_at
WHERE NOT known.is_active;

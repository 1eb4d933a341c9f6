-- Pages that the wiki does not have (any more), or that are mere redirects now: reported, and kept.
SELECT
    staged.page_id,
    staged.page_language,
    staged.page_title,
    CASE WHEN staged.is_missing THEN 'missing' ELSE 'redirect' END AS problem
FROM staging.page AS staged
WHERE staged.load_id = %(load_id)s AND (staged.is_missing OR staged.is_redirect)
ORDER BY staged.page_id;

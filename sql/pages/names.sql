-- The pages that are followed, and what each is called in a command: with its wiki, for two of them may have the same title.
SELECT page_id, page_language || ':' || page_title AS name
FROM core.tracked_page
WHERE is_active;

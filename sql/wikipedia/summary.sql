-- For people to look at: a line for each page that was edited on the UTC dates [first_date, end_date).
SELECT
    page_title AS page,
    page_language AS wiki,
    count(*) AS days,
    sum(revision_count) AS revisions,
    sum(total_bytes_changed) AS "bytes changed",
    max(revision_date) AS "last edit"
FROM mart.daily_wikipedia_page_stats
WHERE revision_date >= %(first_date)s AND revision_date < %(end_date)s
GROUP BY page_id, page_title, page_language
ORDER BY revisions DESC, page_title, page_language;

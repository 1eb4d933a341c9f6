-- A revision of each page on each of some UTC days, of every tenth page ten.
INSERT INTO core.revision (
    page_id, wikipedia_page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, is_temporary,
    revision_size_bytes, size_delta_bytes, revision_comment, tags, sha1, raw_id, load_id
)
SELECT
    page.page_id,
    page.page_id,
    (day.day::date - '1940-01-01'::date)::bigint * 1000000 + page.page_id * 10 + edit.edit,
    (day.day::date - '1940-01-01'::date - 1)::bigint * 1000000 + page.page_id * 10,
    day.day AT TIME ZONE 'UTC' + edit.edit * interval '2 hours',
    'editor ' || (page.page_id * 7 + edit.edit * 13 + (day.day::date - '1940-01-01'::date)) %% 5000,
    edit.edit = 3,
    edit.edit = 5,
    false,
    10000 + (page.page_id + edit.edit) %% 90000,
    edit.edit * 10 - 30,
    'a change',
    '{}',
    md5(page.page_id::text || day.day),
    (day.day::date - '1940-01-01'::date) * 10000 + page.page_id,
    day.day::date - '1940-01-01'::date
FROM generate_series(%(first)s::timestamp, %(end)s::timestamp - interval '1 day', interval '1 day') AS day (day)
CROSS JOIN core.tracked_page AS page
CROSS JOIN LATERAL generate_series(0, CASE WHEN page.page_id %% 10 = 0 THEN 9 ELSE 0 END) AS edit (edit)
ORDER BY day.day, page.page_id, edit.edit;

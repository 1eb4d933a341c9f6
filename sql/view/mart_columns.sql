-- The columns of a mart in their order, with their type and what they mean.
SELECT
    attribute.attname AS name,
    format_type(attribute.atttypid, NULL) AS type,
    col_description(attribute.attrelid, attribute.attnum) AS meaning
FROM pg_attribute AS attribute
INNER JOIN pg_class AS mart ON attribute.attrelid = mart.oid
WHERE mart.relnamespace = 'mart'::regnamespace AND mart.relname = %(mart)s AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY attribute.attnum;

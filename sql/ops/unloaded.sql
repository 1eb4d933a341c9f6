-- Of the subjects given, those for which no load of the source has published all of a window.
SELECT followed.subject
FROM unnest(%(subject_ids)s::bigint [], %(subjects)s::text []) AS followed (subject_id, subject)
WHERE
    tstzmultirange(tstzrange(%(window_start)s, %(window_end)s)) <@ (
        SELECT coalesce(range_agg(tstzrange(load.window_start, load.window_end)), '{}')
        FROM audit.load AS load
        WHERE
            load.source = %(source)s
            AND load.status = 'published'
            AND load.units_withheld = 0
            AND followed.subject_id = ANY(load.subject_ids)
            AND load.window_start < %(window_end)s
            AND load.window_end > %(window_start)s
    ) IS NOT TRUE
ORDER BY followed.subject;

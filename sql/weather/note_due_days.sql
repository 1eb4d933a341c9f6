-- Notes the hours that the load has changed as due in the rollup: of each place from the first to the last of them. By place and
-- window, so that only that much of core is read.
WITH this AS (
    SELECT window_start, window_end, subject_ids
    FROM audit.load
    WHERE load_id = %(load_id)s AND rows_changed > 0
),

-- On Citus the servers of the places make it, and what notes it is this transaction, not theirs.
changed AS MATERIALIZED (
    SELECT location_id, min(observed_at) AS first_hour, max(observed_at) + interval '1 hour' AS end_hour
    FROM core.weather
    WHERE
        load_id = %(load_id)s
        AND observed_at >= (SELECT this.window_start FROM this)
        AND observed_at < (SELECT this.window_end FROM this)
        AND location_id = ANY((SELECT this.subject_ids FROM this)::bigint [])
    GROUP BY location_id
)

INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT location_id, first_hour, end_hour FROM changed
ON CONFLICT DO NOTHING;

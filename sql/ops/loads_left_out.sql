-- The first loads of a run that are not in core as a whole: failed, rejected, cut short, or published without some of their units. With each
-- stands how many there are, how many loads the run has, what it withheld, and the window of all.
WITH planned AS (
    SELECT *, status <> 'published' OR units_withheld > 0 AS is_left_out
    FROM audit.load
    WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s AND status <> 'superseded'
),

run AS (
    SELECT
        count(*) FILTER (WHERE is_left_out) AS left_out,
        count(*) AS loads,
        coalesce(sum(units_withheld), 0) AS withheld,
        min(window_start) AS window_start,
        max(window_end) AS window_end
    FROM planned
)

SELECT
    planned.load_id,
    planned.subject_ids,
    planned.window_start,
    planned.window_end,
    planned.error,
    planned.is_replay,
    run.left_out,
    run.loads,
    run.withheld,
    run.window_start AS run_start,
    run.window_end AS run_end
FROM planned
CROSS JOIN run
WHERE planned.is_left_out
ORDER BY planned.map_index
LIMIT %(most)s;

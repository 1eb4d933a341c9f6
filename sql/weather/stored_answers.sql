-- Writes down the stored answers that a replay is made of: all that can be read, whatever became of the loads that landed them, for
-- each is judged anew. Returns how many there are, and the places of the replay in words.
WITH found AS (
    INSERT INTO audit.load_answer (load_id, attempt, raw_id)
    SELECT load.load_id, load.attempt, answer.id
    FROM audit.load AS load
    INNER JOIN raw.weather_observations AS answer
        ON
            answer.location_id = ANY(load.subject_ids)
            AND load.window_start < answer.window_end
            AND load.window_end > answer.window_start
    WHERE load.load_id = %(load_id)s AND answer.problem IS NULL
    RETURNING raw_id
)

SELECT
    (SELECT count(*) FROM found) AS answers,
    'places ' || string_agg(location.location_name, ', ' ORDER BY location.location_id) AS subjects
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

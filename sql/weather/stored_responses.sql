-- Writes down the stored responses that a replay is made of: all that can be read, whatever became of the loads that landed them, for
-- each is judged anew. Returns how many there are, and the places of the replay in words.
WITH found AS (
    INSERT INTO audit.load_response (load_id, attempt, raw_id)
    SELECT load.load_id, load.attempt, response.id
    FROM audit.load AS load
    INNER JOIN raw.weather_observations AS response
        ON
            response.location_id = ANY(load.subject_ids)
            AND load.window_start < response.window_end
            AND load.window_end > response.window_start
    WHERE load.load_id = %(load_id)s AND response.problem IS NULL
    RETURNING raw_id
)

SELECT
    (SELECT count(*) FROM found) AS responses,
    'places ' || string_agg(location.location_name, ', ' ORDER BY location.location_id) AS subjects
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

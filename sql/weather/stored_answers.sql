-- How many stored answers a replay is made of, and the places it is for, in words.
SELECT
    (SELECT count(*) FROM staging.weather_answer AS answer WHERE answer.load_id = load.load_id) AS answers,
    'places ' || string_agg(location.location_name, ', ' ORDER BY location.location_id) AS subjects
FROM audit.load AS load
INNER JOIN core.location AS location ON location.location_id = ANY(load.subject_ids)
WHERE load.load_id = %(load_id)s
GROUP BY load.load_id;

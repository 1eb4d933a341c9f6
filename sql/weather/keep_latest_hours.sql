-- Of an hour that several stored answers give, a replay keeps what one of them says: an answer with a value comes before one
-- without, one whose own audit took the hour before one whose audit set it aside, a published one before others, then the latest.
-- An hour twice in one answer stays twice: that is the audit's to refuse.
WITH replay AS (
    SELECT load_id FROM audit.load WHERE load_id = %(load_id)s AND is_replay
),

set_aside AS (
    SELECT DISTINCT
        quarantine.raw_id,
        (quarantine.row_key ->> 'observed_at')::timestamptz AS observed_at
    FROM audit.quarantine AS quarantine
    WHERE quarantine.load_id IN (
        SELECT answer.landed_by
        FROM staging.weather_answer AS answer
        WHERE answer.load_id = (SELECT replay.load_id FROM replay)
    )
),

ranked AS (
    SELECT
        staged.ctid AS row_address,
        staged.raw_id,
        first_value(staged.raw_id) OVER (
            PARTITION BY staged.location_id, staged.observed_at
            ORDER BY
                num_nonnulls(
                    staged.temperature_celsius, staged.humidity_percent, staged.precipitation_mm, staged.cloud_cover_percent,
                    staged.pressure_hpa, staged.wind_speed_mps, staged.wind_direction_degrees, staged.weather_code
                ) = 0,
                set_aside.raw_id IS NOT NULL,
                answer.was_published DESC,
                answer.extracted_at DESC,
                staged.raw_id DESC
        ) AS kept_raw_id
    FROM staging.weather AS staged
    INNER JOIN staging.weather_answer AS answer ON staged.load_id = answer.load_id AND staged.raw_id = answer.raw_id
    LEFT JOIN set_aside ON staged.raw_id = set_aside.raw_id AND staged.observed_at = set_aside.observed_at
    WHERE staged.load_id = (SELECT replay.load_id FROM replay)
)

DELETE FROM staging.weather AS staged
USING ranked
WHERE
    staged.load_id = (SELECT replay.load_id FROM replay)
    AND staged.ctid = ranked.row_address
    AND ranked.raw_id <> ranked.kept_raw_id;

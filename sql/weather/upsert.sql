-- Merges the trusted hours into core, field by field: the newest response that knows a value gives it, in whatever order loads are
-- published; what a response does not know stays. A replay speaks for the newest of the responses that it is made of. Unchanged
-- rows are not rewritten, unless a response that is newer than theirs and older than this one may yet be published: it must lose.
WITH this AS (
    SELECT
        load.load_id, load.is_replay, load.source, load.subject_ids, load.window_start, load.window_end,
        coalesce(max(considered.raw_id), 0) AS overruled
    FROM audit.load AS load
    LEFT JOIN audit.load_response AS considered ON load.load_id = considered.load_id AND load.attempt = considered.attempt
    WHERE load.load_id = %(load_id)s
    GROUP BY load.load_id
),

-- The loads that may yet bring something of the same. First: their responses are many, and nearly always there is no such load.
other AS MATERIALIZED (
    SELECT other.load_id
    FROM this
    INNER JOIN audit.unsettled_load AS other
        ON
            this.source = other.source
            AND this.load_id <> other.load_id
            AND this.subject_ids && other.subject_ids
            AND this.window_start < other.window_end
            AND this.window_end > other.window_start
),

unsettled AS MATERIALIZED (
    SELECT response.location_id, response.window_start, response.window_end, response.raw_id, day.day
    FROM this
    CROSS JOIN other
    INNER JOIN staging.weather_response AS response ON other.load_id = response.load_id
    -- By day, so that the join below can hash: there may be thousands.
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', response.window_start, 'UTC'), response.window_end - interval '1 second', interval '24 hours'
    ) AS day (day)
    WHERE response.location_id = ANY(this.subject_ids)
),

-- In core's own precision, so that what is unchanged compares as equal. An hour without any value is not an observation.
offered AS NOT MATERIALIZED (
    SELECT
        location_id,
        observed_at,
        temperature_celsius::numeric(5, 2),
        humidity_percent::numeric(5, 2),
        precipitation_mm::numeric(6, 2),
        cloud_cover_percent::numeric(5, 2),
        pressure_hpa::numeric(6, 2),
        wind_speed_mps::numeric(6, 3),
        wind_direction_degrees::numeric(5, 2),
        weather_code::smallint,
        raw_id,
        num_nulls(
            temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
            pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code
        ) AS unknown
    FROM staging.weather
    WHERE
        load_id = %(load_id)s
        AND is_in_window
        AND NOT is_quarantined
        AND NOT is_withheld
        AND num_nonnulls(
            temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
            pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code
        ) > 0
),

-- The bounds prune the partitions. The places lead to their rows: the loads of a run fill a month one after the other, and none of them is to
-- read what those before it have put there.
known AS NOT MATERIALIZED (
    SELECT *
    FROM core.weather
    WHERE
        observed_at >= (SELECT this.window_start FROM this)
        AND observed_at < (SELECT this.window_end FROM this)
        AND location_id = ANY((SELECT this.subject_ids FROM this)::bigint [])
),

hour AS (
    SELECT DISTINCT location_id, observed_at FROM offered WHERE EXISTS (SELECT 1 FROM unsettled)
),

-- The responses that may yet be published of an hour: nearly always none, and then no hour is looked at.
contested AS MATERIALIZED (
    SELECT hour.location_id, hour.observed_at, array_agg(unsettled.raw_id) AS raw_ids
    FROM hour
    INNER JOIN unsettled
        ON
            hour.location_id = unsettled.location_id
            AND date_trunc('day', hour.observed_at, 'UTC') = unsettled.day
            AND hour.observed_at >= unsettled.window_start
            AND hour.observed_at < unsettled.window_end
    GROUP BY hour.location_id, hour.observed_at
),

-- What differs from core. An hour of one response that knows all, or of which core knows nothing, is taken as a whole: nearly all are.
differing AS (
    SELECT
        offered.*,
        known.raw_id IS NULL AS is_new,
        NOT this.is_replay AND (
            known.raw_id IS NULL
            OR (offered.unknown = 0 AND known.raw_id <= offered.raw_id)
        ) AS is_whole
    FROM offered
    CROSS JOIN this
    LEFT JOIN known ON offered.location_id = known.location_id AND offered.observed_at = known.observed_at
    LEFT JOIN contested ON offered.location_id = contested.location_id AND offered.observed_at = contested.observed_at
    WHERE
        this.is_replay
        OR known.raw_id IS NULL
        OR (
            known.temperature_celsius, known.humidity_percent, known.precipitation_mm, known.cloud_cover_percent,
            known.pressure_hpa, known.wind_speed_mps, known.wind_direction_degrees, known.weather_code
        ) IS DISTINCT FROM (
            offered.temperature_celsius, offered.humidity_percent, offered.precipitation_mm, offered.cloud_cover_percent,
            offered.pressure_hpa, offered.wind_speed_mps, offered.wind_direction_degrees, offered.weather_code
        )
        OR EXISTS (
            SELECT 1 FROM unnest(contested.raw_ids) AS unsettled (raw_id)
            WHERE
                unsettled.raw_id < offered.raw_id
                AND (unsettled.raw_id > known.raw_id OR offered.unknown > 0 OR known.field_raw_ids IS NOT NULL)
        )
),

-- The others are made of pieces: all that core and the responses know of them, with the raw id of each field.
candidate AS (
    SELECT
        location_id,
        observed_at,
        temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code,
        array_fill(raw_id, ARRAY[8]) AS field_raw_ids,
        1 AS is_offered,
        0 AS overruled
    FROM differing
    WHERE NOT is_whole
    UNION ALL
    SELECT
        location_id,
        observed_at,
        temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code,
        coalesce(field_raw_ids, array_fill(raw_id, ARRAY[8])),
        0,
        (SELECT this.overruled FROM this)
    FROM known
    WHERE
        -- Nearly always there is none: core is then not read a second time.
        EXISTS (SELECT 1 FROM differing WHERE NOT differing.is_whole)
        AND (location_id, observed_at) IN (SELECT differing.location_id, differing.observed_at FROM differing WHERE NOT differing.is_whole)
),

-- Of each field the newest known value, as [rank, is_offered, raw id, value].
newest AS (
    SELECT
        location_id,
        observed_at,
        max(ARRAY[CASE WHEN field_raw_ids[1] > overruled THEN field_raw_ids[1] ELSE 0 END, is_offered, field_raw_ids[1], temperature_celsius])
            FILTER (WHERE temperature_celsius IS NOT NULL) AS temperature_celsius,
        max(ARRAY[CASE WHEN field_raw_ids[2] > overruled THEN field_raw_ids[2] ELSE 0 END, is_offered, field_raw_ids[2], humidity_percent])
            FILTER (WHERE humidity_percent IS NOT NULL) AS humidity_percent,
        max(ARRAY[CASE WHEN field_raw_ids[3] > overruled THEN field_raw_ids[3] ELSE 0 END, is_offered, field_raw_ids[3], precipitation_mm])
            FILTER (WHERE precipitation_mm IS NOT NULL) AS precipitation_mm,
        max(ARRAY[CASE WHEN field_raw_ids[4] > overruled THEN field_raw_ids[4] ELSE 0 END, is_offered, field_raw_ids[4], cloud_cover_percent])
            FILTER (WHERE cloud_cover_percent IS NOT NULL) AS cloud_cover_percent,
        max(ARRAY[CASE WHEN field_raw_ids[5] > overruled THEN field_raw_ids[5] ELSE 0 END, is_offered, field_raw_ids[5], pressure_hpa])
            FILTER (WHERE pressure_hpa IS NOT NULL) AS pressure_hpa,
        max(ARRAY[CASE WHEN field_raw_ids[6] > overruled THEN field_raw_ids[6] ELSE 0 END, is_offered, field_raw_ids[6], wind_speed_mps])
            FILTER (WHERE wind_speed_mps IS NOT NULL) AS wind_speed_mps,
        max(ARRAY[CASE WHEN field_raw_ids[7] > overruled THEN field_raw_ids[7] ELSE 0 END, is_offered, field_raw_ids[7], wind_direction_degrees])
            FILTER (WHERE wind_direction_degrees IS NOT NULL) AS wind_direction_degrees,
        max(ARRAY[CASE WHEN field_raw_ids[8] > overruled THEN field_raw_ids[8] ELSE 0 END, is_offered, field_raw_ids[8], weather_code])
            FILTER (WHERE weather_code IS NOT NULL) AS weather_code
    FROM candidate
    GROUP BY location_id, observed_at
),

pieced AS (
    SELECT
        location_id,
        observed_at,
        temperature_celsius[4] AS temperature_celsius,
        humidity_percent[4] AS humidity_percent,
        precipitation_mm[4] AS precipitation_mm,
        cloud_cover_percent[4] AS cloud_cover_percent,
        pressure_hpa[4] AS pressure_hpa,
        wind_speed_mps[4] AS wind_speed_mps,
        wind_direction_degrees[4] AS wind_direction_degrees,
        weather_code[4] AS weather_code,
        ARRAY[
            temperature_celsius[3], humidity_percent[3], precipitation_mm[3], cloud_cover_percent[3],
            pressure_hpa[3], wind_speed_mps[3], wind_direction_degrees[3], weather_code[3]
        ]::bigint [] AS field_raw_ids
    FROM newest
),

merged AS (
    SELECT
        location_id,
        observed_at,
        temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code,
        raw_id,
        NULL::bigint [] AS field_raw_ids
    FROM differing
    WHERE is_whole AND NOT is_new
    UNION ALL
    SELECT
        pieced.location_id,
        pieced.observed_at,
        pieced.temperature_celsius, pieced.humidity_percent, pieced.precipitation_mm, pieced.cloud_cover_percent,
        pieced.pressure_hpa, pieced.wind_speed_mps, pieced.wind_direction_degrees, pieced.weather_code,
        said_by.newest,
        CASE WHEN said_by.oldest < said_by.newest THEN pieced.field_raw_ids END
    FROM pieced
    CROSS JOIN LATERAL (
        SELECT min(field.raw_id) AS oldest, max(field.raw_id) AS newest FROM unnest(pieced.field_raw_ids) AS field (raw_id)
    ) AS said_by
    LEFT JOIN known ON pieced.location_id = known.location_id AND pieced.observed_at = known.observed_at
    LEFT JOIN contested ON pieced.location_id = contested.location_id AND pieced.observed_at = contested.observed_at
    WHERE
        (
            pieced.temperature_celsius, pieced.humidity_percent, pieced.precipitation_mm, pieced.cloud_cover_percent,
            pieced.pressure_hpa, pieced.wind_speed_mps, pieced.wind_direction_degrees, pieced.weather_code
        ) IS DISTINCT FROM (
            known.temperature_celsius, known.humidity_percent, known.precipitation_mm, known.cloud_cover_percent,
            known.pressure_hpa, known.wind_speed_mps, known.wind_direction_degrees, known.weather_code
        )
        OR EXISTS (
            SELECT 1
            FROM unnest(contested.raw_ids) AS unsettled (raw_id)
            CROSS JOIN unnest(
                coalesce(known.field_raw_ids, array_fill(known.raw_id, ARRAY[8])), pieced.field_raw_ids
            ) AS field (was, becomes)
            WHERE
                unsettled.raw_id > field.was
                AND unsettled.raw_id < field.becomes
        )
),

-- Publishes that share a place take turns: what core does not know nobody adds meanwhile, and it need not be looked for again.
added AS (
    INSERT INTO core.weather (
        location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code, raw_id, load_id
    )
    SELECT
        location_id,
        observed_at,
        temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code,
        raw_id,
        %(load_id)s
    FROM differing
    WHERE is_whole AND is_new
    ORDER BY location_id, observed_at
    RETURNING 1
),

revised AS (
    INSERT INTO core.weather (
        location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent,
        pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code, raw_id, field_raw_ids, load_id
    )
    SELECT
        merged.*,
        %(load_id)s
    FROM merged
    ORDER BY merged.location_id, merged.observed_at
    ON CONFLICT (location_id, observed_at) DO UPDATE SET
        temperature_celsius = excluded.temperature_celsius,
        humidity_percent = excluded.humidity_percent,
        precipitation_mm = excluded.precipitation_mm,
        cloud_cover_percent = excluded.cloud_cover_percent,
        pressure_hpa = excluded.pressure_hpa,
        wind_speed_mps = excluded.wind_speed_mps,
        wind_direction_degrees = excluded.wind_direction_degrees,
        weather_code = excluded.weather_code,
        raw_id = excluded.raw_id,
        field_raw_ids = excluded.field_raw_ids,
        load_id = excluded.load_id
    RETURNING 1
)

UPDATE audit.load
SET
    rows_published = CASE WHEN is_replay THEN (SELECT count(*) FROM newest) ELSE (SELECT count(*) FROM offered) END,
    rows_changed = (SELECT count(*) FROM added) + (SELECT count(*) FROM revised)
WHERE load_id = %(load_id)s AND status <> 'published';

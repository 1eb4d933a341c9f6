-- What is derived follows: changes of core that no load made are noted, and rollup and marts are made anew of them at the next
-- refresh. A load notes nothing, its publish rolls up what it touched: the triggers ask who it is, which costs a load next to nothing.
CREATE TABLE audit.weather_daily_due (
    location_id bigint NOT NULL,
    first_hour timestamptz NOT NULL,
    end_hour timestamptz NOT NULL,
    noted_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (noted_by, location_id, first_hour, end_hour)
);
GRANT DELETE ON audit.weather_daily_due TO dw_loader;
COMMENT ON TABLE audit.weather_daily_due IS
'Hours of places that changed otherwise than by a load: core.weather_daily is made anew of them before its mart is refreshed next.';
COMMENT ON COLUMN audit.weather_daily_due.location_id IS 'The place; of one that core.location does not have, the row waits for it.';
COMMENT ON COLUMN audit.weather_daily_due.first_hour IS 'Start of the span, UTC; -infinity and infinity for all that the place has.';
COMMENT ON COLUMN audit.weather_daily_due.end_hour IS 'End of the span, UTC, exclusive.';
COMMENT ON COLUMN audit.weather_daily_due.noted_by IS
'The transaction that noted it. Each has rows of its own: nobody waits for another, and what a refresh takes had been committed.';

CREATE TABLE audit.mart_due (
    source text NOT NULL,
    noted_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, noted_by)
);
GRANT DELETE ON audit.mart_due TO dw_loader;
COMMENT ON TABLE audit.mart_due IS
'Transactions that changed what a mart shows, other than loads (see audit.load.marts_due_since): a dimension, or facts by the owner''s hand.';
COMMENT ON COLUMN audit.mart_due.source IS 'weather or wikipedia: whose mart.';

-- Who empties, drops, detaches or attaches a month fires no trigger of a row; the file that holds it is another one afterwards.
CREATE VIEW audit.weather_partition AS
SELECT
    month.relname::text AS partition_name,
    month.relfilenode::bigint AS storage,
    coalesce(bound.edges[1]::timestamptz, '-infinity') AS first_hour,
    coalesce(bound.edges[2]::timestamptz, 'infinity') AS end_hour
FROM pg_inherits AS part
INNER JOIN pg_class AS month ON part.inhrelid = month.oid
LEFT JOIN
    LATERAL regexp_match(pg_get_expr(month.relpartbound, month.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bound (edges)
    ON true
WHERE part.inhparent = 'core.weather'::regclass;
COMMENT ON VIEW audit.weather_partition IS 'The partitions of core.weather now, and which file each is stored in.';

CREATE TABLE audit.weather_partition_seen (
    partition_name text,
    storage bigint,
    first_hour timestamptz,
    end_hour timestamptz,
    PRIMARY KEY (partition_name, storage, first_hour, end_hour)
);
GRANT DELETE ON audit.weather_partition_seen TO dw_loader;
COMMENT ON TABLE audit.weather_partition_seen IS
'The partitions of core.weather whose hours are in core.weather_daily or noted as due; where it differs from audit.weather_partition, they are not.';
INSERT INTO audit.weather_partition_seen
SELECT partition_name, storage, first_hour, end_hour FROM audit.weather_partition;

CREATE OR REPLACE FUNCTION core.ensure_weather_partitions(first_hour timestamptz, end_hour timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start timestamptz := date_trunc('month', first_hour);
    month_name text;
BEGIN
    WHILE month_start < end_hour LOOP
        month_name := 'weather_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass('core.' || month_name) IS NULL THEN
            -- Readers and other publishes do not wait for this lock, which attaching takes anyway; CREATE ... PARTITION OF would stop them.
            LOCK TABLE core.weather IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('core.' || month_name) IS NULL THEN
                EXECUTE format('CREATE TABLE core.%I (LIKE core.weather INCLUDING DEFAULTS INCLUDING COMMENTS)', month_name);
                EXECUTE format(
                    'ALTER TABLE core.weather ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                    month_name, month_start, month_start + interval '1 month'
                );
                -- It is empty: there is nothing in it that the rollup would have to follow.
                INSERT INTO audit.weather_partition_seen
                SELECT * FROM audit.weather_partition AS month WHERE month.partition_name = month_name;
            END IF;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
END
$$;

-- By months: few rows however many hours change, and never more than a month to make anew for one of them. Every row of a large
-- deletion comes by here: the statement stands in the function itself, where its plan is kept.
CREATE FUNCTION audit.note_changed_hour() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed core.weather;
    month timestamp;
BEGIN
    FOREACH changed IN ARRAY CASE WHEN old.observed_at = new.observed_at AND old.location_id = new.location_id THEN ARRAY[new] ELSE ARRAY[old, new] END LOOP
        CONTINUE WHEN changed.location_id IS NULL;
        month := date_trunc('month', changed.observed_at AT TIME ZONE 'UTC');
        INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
        VALUES (changed.location_id, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC')
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.note_changed_day() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed core.weather_daily;
BEGIN
    FOREACH changed IN ARRAY ARRAY[old, new] LOOP
        CONTINUE WHEN changed.location_id IS NULL;
        INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
        VALUES (
            changed.location_id,
            changed.observation_date::timestamp AT TIME ZONE 'UTC',
            (changed.observation_date + 1)::timestamp AT TIME ZONE 'UTC'
        )
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.note_changed_place() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
    VALUES (old.location_id, '-infinity', 'infinity')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.note_all_places() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
    SELECT location.location_id, '-infinity', 'infinity'
    FROM core.location AS location
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.note_mart_due() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.mart_due (source) VALUES (tg_argv[0]) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit.note_changed_hour IS 'Notes the months of the hour before and after its change as due.';
COMMENT ON FUNCTION audit.note_changed_day IS 'Notes a day of the rollup that somebody changed as due.';
COMMENT ON FUNCTION audit.note_changed_place IS 'Notes all hours of a place as due: its zone was corrected, or it was deleted and may come back.';
COMMENT ON FUNCTION audit.note_all_places IS 'Notes all hours of all places as due.';
COMMENT ON FUNCTION audit.note_mart_due IS 'Notes that the mart of a source, the trigger''s argument, no longer shows what core has.';

-- A trigger of rows reaches every partition, those to come as well, and changes that are made to a partition directly.
CREATE TRIGGER note_changed_hour AFTER INSERT OR UPDATE OR DELETE ON core.weather
FOR EACH ROW WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_changed_hour();
CREATE TRIGGER note_changed_day AFTER INSERT OR UPDATE OR DELETE ON core.weather_daily
FOR EACH ROW WHEN (current_user <> 'dw_loader' AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit.note_changed_day();
CREATE TRIGGER note_all_places BEFORE TRUNCATE ON core.weather_daily
FOR EACH STATEMENT EXECUTE FUNCTION audit.note_all_places();
CREATE TRIGGER note_mart_due AFTER TRUNCATE ON core.weather_daily
FOR EACH STATEMENT EXECUTE FUNCTION audit.note_mart_due('weather');

CREATE TRIGGER note_corrected_zone AFTER UPDATE ON core.location
FOR EACH ROW WHEN (old.timezone IS DISTINCT FROM new.timezone) EXECUTE FUNCTION audit.note_changed_place();
CREATE TRIGGER note_deleted_place AFTER DELETE ON core.location
FOR EACH ROW EXECUTE FUNCTION audit.note_changed_place();
CREATE TRIGGER note_renamed_place AFTER UPDATE ON core.location
FOR EACH ROW WHEN ((old.location_name, old.city, old.country) IS DISTINCT FROM (new.location_name, new.city, new.country))
EXECUTE FUNCTION audit.note_mart_due('weather');
CREATE TRIGGER note_mart_due AFTER DELETE ON core.location
FOR EACH ROW EXECUTE FUNCTION audit.note_mart_due('weather');
CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.weather_condition
FOR EACH STATEMENT EXECUTE FUNCTION audit.note_mart_due('weather');

CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.revision
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('wikipedia');
CREATE TRIGGER note_mart_due AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.wikipedia_page
FOR EACH STATEMENT WHEN (current_user <> 'dw_loader') EXECUTE FUNCTION audit.note_mart_due('wikipedia');

-- A zone that only the rollup finds unknown would stop the rollup of every place.
CREATE FUNCTION core.refuse_unknown_zone() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM now() AT TIME ZONE new.timezone;
    RETURN new;
END
$$;
COMMENT ON FUNCTION core.refuse_unknown_zone IS 'Fails for a time zone that this server does not know.';
CREATE TRIGGER refuse_unknown_zone BEFORE INSERT OR UPDATE OF timezone ON core.location
FOR EACH ROW EXECUTE FUNCTION core.refuse_unknown_zone();

-- The rollup: days go with their place, or when they have no hours any more; no amount of rain that core can hold is too much for it.
GRANT DELETE ON core.weather_daily TO dw_loader;
ALTER TABLE core.weather_daily
DROP CONSTRAINT weather_daily_location_id_fkey,
ADD FOREIGN KEY (location_id) REFERENCES core.location ON DELETE CASCADE;
COMMENT ON TABLE core.weather_daily IS
'Rollup of core.weather by place and local date: recomputed by each load for the days it touches, and for what audit.weather_daily_due names.';
COMMENT ON COLUMN core.weather_daily.observation_date IS
'Date at the place (core.location.timezone); a day has 23 or 25 hours when clocks change, others when a place moves to another zone.';

DROP MATERIALIZED VIEW mart.daily_weather_aggregates;
ALTER TABLE core.weather_daily ALTER COLUMN total_precipitation_mm TYPE numeric(8, 2);
CREATE MATERIALIZED VIEW mart.daily_weather_aggregates AS
SELECT
    location.location_id,
    location.location_name,
    location.city,
    location.country,
    daily.observation_date,
    daily.observation_count,
    daily.avg_temperature_celsius,
    daily.min_temperature_celsius,
    daily.max_temperature_celsius,
    daily.avg_humidity_percent,
    daily.total_precipitation_mm,
    daily.avg_pressure_hpa,
    daily.avg_wind_speed_mps,
    coalesce(condition.description, 'WMO code ' || daily.most_common_weather_code) AS most_common_conditions
FROM core.weather_daily AS daily
INNER JOIN core.location AS location USING (location_id)
LEFT JOIN core.weather_condition AS condition ON daily.most_common_weather_code = condition.weather_code
WITH DATA;
CREATE UNIQUE INDEX daily_weather_aggregates_key ON mart.daily_weather_aggregates (location_id, observation_date);
CREATE INDEX daily_weather_aggregates_date_idx ON mart.daily_weather_aggregates (observation_date);

COMMENT ON MATERIALIZED VIEW mart.daily_weather_aggregates IS
'Daily weather by place and local date, from core.weather_daily. Weather data by Open-Meteo.com, CC BY 4.0.';
COMMENT ON COLUMN mart.daily_weather_aggregates.observation_date IS 'Date at the place.';
COMMENT ON COLUMN mart.daily_weather_aggregates.observation_count IS
'Hours observed; 24, or 23 or 25 when clocks change, others when a place moves to another zone.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.min_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.max_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_humidity_percent IS '%';
COMMENT ON COLUMN mart.daily_weather_aggregates.total_precipitation_mm IS
'Sum of the hours stamped with this date, mm; each hour''s amount fell in the hour before its stamp.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_pressure_hpa IS 'hPa, reduced to mean sea level';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_wind_speed_mps IS 'm/s';
COMMENT ON COLUMN mart.daily_weather_aggregates.most_common_conditions IS 'Most frequent WMO condition of the day, in words.';

-- What former versions rolled up in part, or forgot to remove, is made anew.
INSERT INTO audit.weather_daily_due (location_id, first_hour, end_hour)
SELECT location_id, '-infinity', 'infinity' FROM core.location;

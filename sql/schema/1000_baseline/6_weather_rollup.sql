-- The rollup of weather follows its hours: changes that no load made are noted, and its days are made anew of them before the next
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
COMMENT ON FUNCTION audit.note_changed_hour IS 'Notes the months of the hour before and after its change as due.';
COMMENT ON FUNCTION audit.note_changed_day IS 'Notes a day of the rollup that somebody changed as due.';
COMMENT ON FUNCTION audit.note_changed_place IS 'Notes all hours of a place as due: its zone was corrected, or it was deleted and may come back.';
COMMENT ON FUNCTION audit.note_all_places IS 'Notes all hours of all places as due.';

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

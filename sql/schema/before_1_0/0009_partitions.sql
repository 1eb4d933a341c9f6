-- Loads that need the same new month at the same time. To lock the table, other than an advisory lock, makes the session see
-- the partition that another one has made while it waited.
CREATE OR REPLACE FUNCTION core.ensure_weather_partitions(first_hour timestamptz, end_hour timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start timestamptz := date_trunc('month', first_hour);
    partition_name text;
BEGIN
    WHILE month_start < end_hour LOOP
        partition_name := 'weather_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass('core.' || partition_name) IS NULL THEN
            -- Readers and other publishes do not wait for this lock, which attaching takes anyway; CREATE ... PARTITION OF would stop them.
            LOCK TABLE core.weather IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('core.' || partition_name) IS NULL THEN
                EXECUTE format('CREATE TABLE core.%I (LIKE core.weather INCLUDING DEFAULTS INCLUDING COMMENTS)', partition_name);
                EXECUTE format(
                    'ALTER TABLE core.weather ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                    partition_name, month_start, month_start + interval '1 month'
                );
            END IF;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
END
$$;

-- A replay leaves to others what they have published since it looked for answers.
CREATE INDEX load_published_at_idx ON audit.load (source, published_at) WHERE NOT is_replay;

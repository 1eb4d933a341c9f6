-- Marts: daily aggregates. Unique indexes on plain columns, so that REFRESH ... CONCURRENTLY works as typed.
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
COMMENT ON COLUMN mart.daily_weather_aggregates.observation_count IS 'Hours observed; 24, or 23 or 25 when clocks change.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.min_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.max_temperature_celsius IS '°C';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_humidity_percent IS '%';
COMMENT ON COLUMN mart.daily_weather_aggregates.total_precipitation_mm IS
'Sum of the hours stamped with this date, mm; each hour''s amount fell in the hour before its stamp.';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_pressure_hpa IS 'hPa, reduced to mean sea level';
COMMENT ON COLUMN mart.daily_weather_aggregates.avg_wind_speed_mps IS 'm/s';
COMMENT ON COLUMN mart.daily_weather_aggregates.most_common_conditions IS 'Most frequent WMO condition of the day, in words.';

CREATE MATERIALIZED VIEW mart.daily_wikipedia_page_stats AS
SELECT
    page.page_id,
    page.page_title,
    page.page_language,
    (revision.revision_timestamp AT TIME ZONE 'UTC')::date AS revision_date,
    count(*) AS revision_count,
    count(DISTINCT revision.revision_user) AS unique_editors,
    coalesce(sum(abs(revision.size_delta_bytes)), 0)::bigint AS total_bytes_changed,
    coalesce(sum(revision.size_delta_bytes), 0)::bigint AS net_bytes_changed,
    round(avg(revision.revision_size_bytes), 2) AS avg_bytes_per_revision,
    count(*) FILTER (WHERE revision.is_minor) AS minor_revision_count,
    count(*) FILTER (WHERE revision.is_anonymous OR revision.is_temporary) AS anonymous_revision_count
FROM core.revision AS revision
INNER JOIN core.wikipedia_page AS page ON revision.page_id = page.page_id AND page.valid_to IS NULL
GROUP BY page.page_id, page.page_title, page.page_language, revision_date
WITH DATA;
CREATE UNIQUE INDEX daily_wikipedia_page_stats_key ON mart.daily_wikipedia_page_stats (page_id, revision_date);
CREATE INDEX daily_wikipedia_page_stats_date_idx ON mart.daily_wikipedia_page_stats (revision_date);

COMMENT ON MATERIALIZED VIEW mart.daily_wikipedia_page_stats IS 'Daily edits by page and UTC date, from core.revision; days without an edit have no row.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.page_title IS 'The present title.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.revision_date IS 'UTC date.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.unique_editors IS 'Different visible users; hidden ones are not counted.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.total_bytes_changed IS 'Sum of the absolute size changes, bytes; unknown ones count 0.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.net_bytes_changed IS 'Sum of the signed size changes, bytes.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.avg_bytes_per_revision IS 'Mean page size after a revision, bytes.';
COMMENT ON COLUMN mart.daily_wikipedia_page_stats.anonymous_revision_count IS 'Edits by IP addresses and temporary accounts.';

-- Only the owner of a materialized view may refresh it (MAINTAIN came with PostgreSQL 17), so the loader goes through a function.
CREATE FUNCTION mart.refresh(mart_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY mart.%I', mart_name);
END
$$;
COMMENT ON FUNCTION mart.refresh IS 'Refreshes one materialized view of schema mart without blocking its readers.';
REVOKE ALL ON FUNCTION mart.refresh FROM public;
GRANT EXECUTE ON FUNCTION mart.refresh TO dw_loader;

-- Raw: every answer as it came, also broken ones. Append-only for everybody, the owner included.
CREATE TABLE raw.weather_observations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    location_id bigint,
    location_ids bigint [] NOT NULL,
    location_name text NOT NULL,
    latitude numeric(9, 6),
    longitude numeric(9, 6),
    source text NOT NULL,
    url text NOT NULL,
    http_status integer NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    payload text NOT NULL,
    payload_encoding text NOT NULL DEFAULT 'utf-8' CHECK (payload_encoding IN ('utf-8', 'base64')),
    problem text,
    ingested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX weather_observations_load_idx ON raw.weather_observations (load_id, attempt);

COMMENT ON TABLE raw.weather_observations IS 'Open-Meteo answers. One row a place where the answer could be cut; else one row for all its places.';
COMMENT ON COLUMN raw.weather_observations.attempt IS 'Extraction attempt of the load that fetched this answer.';
COMMENT ON COLUMN raw.weather_observations.location_id IS 'The place; NULL when the row holds an answer for several places that could not be cut.';
COMMENT ON COLUMN raw.weather_observations.location_ids IS 'All places the row holds an answer for, in request order.';
COMMENT ON COLUMN raw.weather_observations.location_name IS 'Name of the place, or of all places, comma-separated.';
COMMENT ON COLUMN raw.weather_observations.latitude IS 'Degrees north as asked for; the payload names the grid cell instead.';
COMMENT ON COLUMN raw.weather_observations.longitude IS 'Degrees east as asked for; the payload names the grid cell instead.';
COMMENT ON COLUMN raw.weather_observations.source IS 'Airflow connection that answered: open_meteo or open_meteo_archive.';
COMMENT ON COLUMN raw.weather_observations.url IS 'The request, without its API key.';
COMMENT ON COLUMN raw.weather_observations.window_start IS 'First hour asked for, UTC.';
COMMENT ON COLUMN raw.weather_observations.window_end IS 'End of the hours asked for, UTC, exclusive.';
COMMENT ON COLUMN raw.weather_observations.payload IS 'The body after HTTP content decoding: this place''s exact slice of it, byte for byte.';
COMMENT ON COLUMN raw.weather_observations.payload_encoding IS 'base64 for a body that PostgreSQL text cannot hold (not UTF-8, or with a NUL byte).';
COMMENT ON COLUMN raw.weather_observations.problem IS 'What was wrong with the answer; NULL for a good one. Only good ones are transformed.';

CREATE TABLE raw.wikipedia_pages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES audit.load,
    attempt integer NOT NULL,
    page_id bigint NOT NULL,
    page_title text NOT NULL,
    page_language text NOT NULL,
    source text NOT NULL,
    url text NOT NULL,
    http_status integer NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    payload text NOT NULL,
    payload_encoding text NOT NULL DEFAULT 'utf-8' CHECK (payload_encoding IN ('utf-8', 'base64')),
    problem text,
    ingested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX wikipedia_pages_load_idx ON raw.wikipedia_pages (load_id, attempt);

COMMENT ON TABLE raw.wikipedia_pages IS 'MediaWiki Action API answers, one row for each request (a page, a continuation of it, or a look-up by page id).';
COMMENT ON COLUMN raw.wikipedia_pages.attempt IS 'Extraction attempt of the load that fetched this answer.';
COMMENT ON COLUMN raw.wikipedia_pages.page_id IS 'The tracked page the answer is for.';
COMMENT ON COLUMN raw.wikipedia_pages.page_title IS 'Title as asked for.';
COMMENT ON COLUMN raw.wikipedia_pages.source IS 'Airflow connection that answered: mediawiki.';
COMMENT ON COLUMN raw.wikipedia_pages.url IS 'The request, without credentials.';
COMMENT ON COLUMN raw.wikipedia_pages.window_start IS 'First instant asked for, UTC.';
COMMENT ON COLUMN raw.wikipedia_pages.window_end IS 'End of the window asked for, UTC, exclusive.';
COMMENT ON COLUMN raw.wikipedia_pages.payload IS 'The body after HTTP content decoding, byte for byte.';
COMMENT ON COLUMN raw.wikipedia_pages.payload_encoding IS 'base64 for a body that PostgreSQL text cannot hold (not UTF-8, or with a NUL byte).';
COMMENT ON COLUMN raw.wikipedia_pages.problem IS 'What was wrong with the answer; NULL for a good one. Only good ones are transformed.';

CREATE FUNCTION raw.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        USING HINT = 'To expire old answers, the owner disables this trigger in one transaction, see docs/data-contracts.md.';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON raw.weather_observations
FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON raw.wikipedia_pages
FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();

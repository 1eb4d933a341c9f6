-- The subjects: places and pages that are followed, whichever sources observe them.
CREATE TABLE core.location (
    location_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_name text NOT NULL,
    latitude numeric(9, 6) NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude numeric(9, 6) NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    country text,
    region text,
    city text,
    timezone text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (location_name, latitude, longitude)
);
GRANT UPDATE (updated_at) ON core.location TO dw_loader;

COMMENT ON TABLE core.location IS 'Tracked places, kept in step with include/seed_data.yaml by `python -m include seed`.';
COMMENT ON COLUMN core.location.latitude IS 'Degrees north, WGS 84.';
COMMENT ON COLUMN core.location.longitude IS 'Degrees east, WGS 84.';
COMMENT ON COLUMN core.location.timezone IS 'IANA name; decides the local date of an hour.';
COMMENT ON COLUMN core.location.is_active IS 'False once the place left the seed file; its history stays.';

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

CREATE TABLE core.tracked_page (
    page_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_title text NOT NULL,
    page_language text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (page_language, page_title)
);
GRANT UPDATE (updated_at) ON core.tracked_page TO dw_loader;

COMMENT ON TABLE core.tracked_page IS 'Pages to follow, kept in step with include/seed_data.yaml by `python -m include seed`.';
COMMENT ON COLUMN core.tracked_page.page_id IS 'Our key of the page; stays the same through renames.';
COMMENT ON COLUMN core.tracked_page.page_title IS 'Title as in the seed file; the present one is in core.wikipedia_page.';
COMMENT ON COLUMN core.tracked_page.is_active IS 'False once the page left the seed file; its history stays.';

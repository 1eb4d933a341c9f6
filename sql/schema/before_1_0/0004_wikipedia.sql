-- Wikipedia: the tracked pages, their type-2 history, their revisions, and staging.
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

CREATE TABLE core.wikipedia_page (
    page_id bigint NOT NULL REFERENCES core.tracked_page,
    wikipedia_page_id bigint,
    page_title text NOT NULL,
    namespace integer NOT NULL,
    page_language text NOT NULL,
    is_redirect boolean NOT NULL,
    is_missing boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    is_current boolean NOT NULL GENERATED ALWAYS AS (valid_to IS NULL) STORED,
    raw_id bigint NOT NULL,
    load_id bigint NOT NULL,
    PRIMARY KEY (page_id, valid_from),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX wikipedia_page_current_idx ON core.wikipedia_page (page_id) WHERE valid_to IS NULL;
GRANT INSERT, UPDATE ON core.wikipedia_page TO dw_loader;

COMMENT ON TABLE core.wikipedia_page IS 'What Wikipedia said of a tracked page, and from when to when (type-2 history): renames, moves, redirects, deletion.';
COMMENT ON COLUMN core.wikipedia_page.page_id IS 'core.tracked_page; the same in all versions of a page.';
COMMENT ON COLUMN core.wikipedia_page.wikipedia_page_id IS 'pageid at that wiki; survives a move; NULL for a page that was never seen.';
COMMENT ON COLUMN core.wikipedia_page.namespace IS 'MediaWiki namespace number; 0 is an article.';
COMMENT ON COLUMN core.wikipedia_page.is_redirect IS 'The page itself is a redirect now.';
COMMENT ON COLUMN core.wikipedia_page.is_missing IS 'The wiki has no such page (any more): deleted, or a wrong title.';
COMMENT ON COLUMN core.wikipedia_page.valid_from IS 'When the answer that first showed this version came, UTC.';
COMMENT ON COLUMN core.wikipedia_page.valid_to IS 'When the answer that showed the next version came, UTC; NULL for the current one.';

CREATE TABLE core.revision (
    page_id bigint NOT NULL REFERENCES core.tracked_page,
    revision_id bigint NOT NULL,
    parent_id bigint NOT NULL,
    revision_timestamp timestamptz NOT NULL,
    revision_user text,
    is_minor boolean NOT NULL,
    is_anonymous boolean NOT NULL,
    is_temporary boolean NOT NULL,
    revision_size_bytes bigint NOT NULL,
    size_delta_bytes bigint,
    revision_comment text,
    tags text [] NOT NULL,
    sha1 text,
    raw_id bigint NOT NULL,
    load_id bigint NOT NULL,
    PRIMARY KEY (page_id, revision_id)
);
CREATE INDEX revision_parent_idx ON core.revision (page_id, parent_id);
CREATE INDEX revision_time_idx ON core.revision (revision_timestamp);
GRANT INSERT, UPDATE ON core.revision TO dw_loader;

COMMENT ON TABLE core.revision IS 'Revisions of the tracked pages. Text of Wikipedia, CC BY-SA 4.0.';
COMMENT ON COLUMN core.revision.revision_id IS 'revid at that wiki; not monotonic in time.';
COMMENT ON COLUMN core.revision.parent_id IS 'revid of the revision before; 0 for the creation of the page.';
COMMENT ON COLUMN core.revision.revision_timestamp IS 'When it was saved, UTC.';
COMMENT ON COLUMN core.revision.revision_user IS 'User name, temporary account or IP address; NULL when hidden, also when it was hidden later.';
COMMENT ON COLUMN core.revision.is_anonymous IS 'Edited from an IP address; false when the user is hidden.';
COMMENT ON COLUMN core.revision.is_temporary IS 'Edited by a temporary account; false when the user is hidden.';
COMMENT ON COLUMN core.revision.revision_size_bytes IS 'Size of the page text after the revision, bytes.';
COMMENT ON COLUMN core.revision.size_delta_bytes IS 'Size minus the parent''s size, bytes; NULL while the parent is not in the warehouse.';
COMMENT ON COLUMN core.revision.revision_comment IS 'Edit summary; NULL when hidden.';
COMMENT ON COLUMN core.revision.sha1 IS 'SHA-1 of the text in hex; NULL when hidden.';
COMMENT ON COLUMN core.revision.raw_id IS 'raw.wikipedia_pages row the values came from.';
COMMENT ON COLUMN core.revision.load_id IS 'audit.load that last changed the row.';

CREATE TABLE staging.page (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    page_id bigint NOT NULL,
    wikipedia_page_id bigint,
    page_title text NOT NULL,
    namespace integer NOT NULL,
    page_language text NOT NULL,
    is_redirect boolean NOT NULL,
    is_missing boolean NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX page_load_idx ON staging.page (load_id);
COMMENT ON TABLE staging.page IS 'What the wiki says of the pages of a load; one row a page.';

CREATE TABLE staging.revision (
    load_id bigint NOT NULL,
    raw_id bigint NOT NULL,
    page_id bigint NOT NULL,
    revision_id bigint NOT NULL,
    parent_id bigint NOT NULL,
    revision_timestamp timestamptz NOT NULL,
    revision_user text,
    is_minor boolean NOT NULL,
    is_anonymous boolean NOT NULL,
    is_temporary boolean NOT NULL,
    revision_size_bytes bigint NOT NULL,
    revision_comment text,
    tags text [] NOT NULL,
    sha1 text,
    is_quarantined boolean NOT NULL DEFAULT false
);
CREATE INDEX revision_load_idx ON staging.revision (load_id);
COMMENT ON TABLE staging.revision IS 'Revisions of the loads on their way to core.revision.';

-- Only the owner of a table may analyze it (MAINTAIN came with PostgreSQL 17), so the loader goes through a function.
CREATE FUNCTION staging.refresh_statistics(table_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ANALYZE staging.%I', table_name);
END
$$;
COMMENT ON FUNCTION staging.refresh_statistics IS
'Lets the planner know how much was just staged: without, it joins a hundred thousand rows in nested loops.';
REVOKE ALL ON FUNCTION staging.refresh_statistics FROM public;
GRANT EXECUTE ON FUNCTION staging.refresh_statistics TO dw_loader;

-- What holds for the tables of every source: raw is append-only, and the loader may do two things that only an owner can.
CREATE FUNCTION raw.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        USING HINT = 'To expire old responses, the owner disables this trigger in one transaction, see docs/data-contracts.md.';
END
$$;
COMMENT ON FUNCTION raw.refuse_change IS 'Makes a table append-only, for its owner too.';

-- Only the owner may analyze a table or refresh a materialized view (MAINTAIN came with PostgreSQL 17), so the loader goes through functions.
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

CREATE FUNCTION mart.refresh(mart_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY mart.%I', mart_name);
END
$$;
COMMENT ON FUNCTION mart.refresh IS 'Refreshes one materialized view of schema mart without blocking its readers.';
REVOKE ALL ON FUNCTION mart.refresh FROM public;
GRANT EXECUTE ON FUNCTION mart.refresh TO dw_loader;

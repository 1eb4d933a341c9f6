-- Statistics of staging from a tenth of the sample: how many rows a load has is all that the planner needs to know of it. With many loads
-- staged at once the ANALYZE before each audit took as long as all else of it.
CREATE OR REPLACE FUNCTION staging.refresh_statistics(table_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET default_statistics_target = 10 AS $$
BEGIN
    EXECUTE format('ANALYZE staging.%I', table_name);
END
$$;

-- What the page in Airflow's web UI shows is read by dw_reader: the ledger, its verdicts and what is covered, and of raw what a verdict names.
GRANT SELECT ON
audit.catchup, audit.load, audit.validation_result, audit.quarantine, audit.withheld, audit.followed, audit.present, audit.set_aside,
audit.coverage
TO dw_reader;

CREATE FUNCTION audit.rejected_response(judged_load_id bigint, raw_table text, wanted_raw_id bigint)
RETURNS TABLE (url text, http_status integer, ingested_at timestamptz, payload text, payload_encoding text, problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.quarantine AS aside WHERE aside.load_id = judged_load_id AND aside.raw_id = wanted_raw_id)
        OR EXISTS (SELECT FROM audit.withheld AS unit WHERE unit.load_id = judged_load_id AND wanted_raw_id = ANY(unit.raw_ids))
    THEN
        -- The table's own ids are not those of another source's.
        RETURN QUERY EXECUTE format(
            'SELECT response.url, response.http_status, response.ingested_at, response.payload, response.payload_encoding, response.problem '
            'FROM raw.%I AS response '
            'INNER JOIN audit.load AS landed ON response.load_id = landed.load_id '
            'INNER JOIN audit.load AS judged ON landed.source = judged.source '
            'WHERE response.id = $1 AND judged.load_id = $2', raw_table
        ) USING wanted_raw_id, judged_load_id;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION audit.rejected_response FROM public;
GRANT EXECUTE ON FUNCTION audit.rejected_response TO dw_reader;
COMMENT ON FUNCTION audit.rejected_response IS
'A response of raw, where the last audit of a load set rows of it aside or withheld it; no row for any other. For dw_reader, who cannot read raw.';

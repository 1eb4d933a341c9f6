-- A fault of one place or page is its own: what is wrong with it is noted, and its load goes on without it.
CREATE TABLE staging.problem (
    load_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    raw_id bigint,
    problem text NOT NULL,
    is_unreadable boolean NOT NULL DEFAULT false,
    CHECK (raw_id IS NOT NULL OR NOT is_unreadable)
);
CREATE INDEX problem_load_idx ON staging.problem (load_id);
COMMENT ON TABLE staging.problem IS
'What a load could not get or read, for its audit to withhold; kept until the load is extracted again.';
COMMENT ON COLUMN staging.problem.subject_id IS 'location_id or page_id.';
COMMENT ON COLUMN staging.problem.window_start IS 'Start of what was asked for, UTC.';
COMMENT ON COLUMN staging.problem.window_end IS 'End of what was asked for, UTC, exclusive.';
COMMENT ON COLUMN staging.problem.raw_id IS 'The answer, in raw; NULL where none came.';
COMMENT ON COLUMN staging.problem.problem IS 'In words.';
COMMENT ON COLUMN staging.problem.is_unreadable IS
'Noted by transform: PostgreSQL could not read an answer that had passed its check. Others were noted by extract.';

-- Core takes whole hours only. What it took of others has no audit that it would pass today; raw has the answers.
DELETE FROM core.weather WHERE observed_at <> date_bin('1 hour', observed_at, '2000-01-01T00:00Z');
ALTER TABLE core.weather
ADD CONSTRAINT weather_observed_at_is_a_whole_hour CHECK (observed_at = date_bin('1 hour', observed_at, '2000-01-01T00:00Z'));

-- A month can only be attached with the constraints of the table. Nothing else in the function changes.
DO $$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('core.ensure_weather_partitions'::regproc),
        'INCLUDING DEFAULTS INCLUDING COMMENTS',
        'INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS'
    );
END
$$;

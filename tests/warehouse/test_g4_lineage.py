"""G4: every core row names the raw row and the load it came from."""

from tests.warehouse.pipeline import Pipeline


def test_g4_every_hour_is_in_the_raw_row_it_names(pipeline: Pipeline) -> None:
    pipeline.run("weather", "2026-10-05", "2026-10-07")
    pipeline.run("weather", "2026-10-06", "2026-10-08")
    faithful = pipeline.value(
        """
        SELECT count(*)
        FROM core.weather
        JOIN raw.weather_observations AS raw ON raw.id = raw_id AND raw.location_id = weather.location_id
        JOIN audit.load ON load.load_id = weather.load_id AND load.load_id = raw.load_id AND load.status = 'published'
        CROSS JOIN LATERAL jsonb_array_elements_text(payload::jsonb #> '{hourly,time}')
            WITH ORDINALITY AS hour (stamp, position)
        WHERE
            hour.stamp::timestamp AT TIME ZONE 'UTC' = observed_at
            AND (payload::jsonb #>> ARRAY['hourly', 'temperature_2m', (position - 1)::text])::numeric = temperature_celsius
            AND round((payload::jsonb #>> ARRAY['hourly', 'wind_speed_10m', (position - 1)::text])::numeric / 3.6, 3)
                = wind_speed_mps
        """
    )
    assert faithful == pipeline.value("SELECT count(*) FROM core.weather") == 2 * 72


def test_g4_every_revision_and_page_version_is_in_the_raw_row_it_names(pipeline: Pipeline) -> None:
    pipeline.run("wikipedia", "2026-10-05", "2026-10-07")
    faithful = pipeline.value(
        """
        SELECT count(*)
        FROM core.revision
        JOIN raw.wikipedia_pages AS raw ON raw.id = raw_id AND raw.page_id = revision.page_id
        JOIN audit.load ON load.load_id = revision.load_id AND load.load_id = raw.load_id
        WHERE EXISTS (
            SELECT 1 FROM jsonb_path_query(payload::jsonb, '$.query.pages[*].revisions[*]') AS said
            WHERE (said ->> 'revid')::bigint = revision_id AND (said ->> 'size')::bigint = revision_size_bytes
        )
        """
    )
    assert faithful == pipeline.value("SELECT count(*) FROM core.revision") > 0
    assert pipeline.value(
        "SELECT count(*) FROM core.wikipedia_page JOIN raw.wikipedia_pages AS raw ON raw.id = raw_id "
        "JOIN audit.load ON load.load_id = wikipedia_page.load_id"
    ) == pipeline.value("SELECT count(*) FROM core.wikipedia_page")

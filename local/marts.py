"""What the demo expects of the warehouse, and what it shows of it."""

from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

PLACES_WITHOUT_ALL_DAYS = """
    SELECT location.location_name || ': ' || count(mart.observation_date) || ' of ' || %(days)s || ' days' AS gap
    FROM core.location AS location
    LEFT JOIN mart.daily_weather_aggregates AS mart
        ON mart.location_name = location.location_name AND mart.location_id = location.location_id
        AND mart.observation_date >= %(first)s AND mart.observation_date < %(end)s
        -- As many hours as the local day has had so far, from the first hour that is asked for.
        AND mart.observation_count >= floor(extract(epoch FROM least(
            now(), (mart.observation_date + 1)::timestamp AT TIME ZONE location.timezone
        ) - greatest(
            %(first)s::date::timestamp AT TIME ZONE 'UTC', mart.observation_date::timestamp AT TIME ZONE location.timezone
        )) / 3600)
    WHERE location.is_active
    GROUP BY location.location_id, location.location_name
    HAVING count(mart.observation_date) < %(days)s
    ORDER BY location.location_name
"""
DAYS_OTHER_THAN_IN_CORE = """
    SELECT location.location_name || ' ' || daily.observation_date || ': not refreshed yet' AS gap
    FROM core.weather_daily AS daily
    INNER JOIN core.location AS location USING (location_id)
    LEFT JOIN mart.daily_weather_aggregates AS mart USING (location_id, observation_date)
    WHERE daily.observation_date >= %(first)s AND daily.observation_date < %(end)s
        AND mart.observation_count IS DISTINCT FROM daily.observation_count
    ORDER BY 1
"""
PAGES_NEVER_LOADED = """
    SELECT page.page_language || ':' || page.page_title || ': not loaded' AS gap
    FROM core.tracked_page AS page
    WHERE page.is_active AND NOT (
        EXISTS (SELECT FROM core.wikipedia_page AS known WHERE known.page_id = page.page_id AND known.is_current)
        AND EXISTS (
            SELECT FROM audit.load AS load
            WHERE load.source = 'wikipedia' AND load.status = 'published' AND page.page_id = ANY(load.subject_ids)
                AND load.window_start <= %(first)s AND load.window_end > %(end)s
        )
    )
    ORDER BY 1
"""
EDITS_OTHER_THAN_IN_CORE = """
    WITH core AS (
        SELECT page_id, (revision_timestamp AT TIME ZONE 'UTC')::date AS revision_date, count(*) AS revision_count
        FROM core.revision
        WHERE revision_timestamp >= %(first)s AND revision_timestamp < %(end)s
        GROUP BY 1, 2
    )
    SELECT core.page_id || ' ' || core.revision_date || ': not refreshed yet' AS gap
    FROM core
    LEFT JOIN mart.daily_wikipedia_page_stats AS mart USING (page_id, revision_date)
    WHERE mart.revision_count IS DISTINCT FROM core.revision_count
    ORDER BY 1
"""
NOTHING_TRACKED = """
    SELECT 'no active place in core.location: run `python -m include seed`' AS gap
    WHERE NOT EXISTS (SELECT FROM core.location WHERE is_active)
"""
CHECKS = {
    "weather": (NOTHING_TRACKED, PLACES_WITHOUT_ALL_DAYS, DAYS_OTHER_THAN_IN_CORE),
    "wikipedia": (PAGES_NEVER_LOADED, EDITS_OTHER_THAN_IN_CORE),
}

WEATHER = """
    SELECT
        location_name, city, country, count(*) AS days,
        round(avg(avg_temperature_celsius), 1) AS mean,
        min(min_temperature_celsius) AS coldest, max(max_temperature_celsius) AS warmest,
        sum(total_precipitation_mm) AS rain, round(avg(avg_wind_speed_mps), 1) AS wind,
        mode() WITHIN GROUP (ORDER BY most_common_conditions) AS conditions,
        array_agg(avg_temperature_celsius ORDER BY observation_date) AS daily
    FROM mart.daily_weather_aggregates
    WHERE observation_date >= %(first)s AND observation_date < %(end)s
    GROUP BY location_name, city, country
    ORDER BY location_name
"""
WIKIPEDIA = """
    SELECT
        page_title, page_language, count(*) AS days, sum(revision_count) AS revisions,
        sum(total_bytes_changed) AS bytes, max(revision_date) AS last_edit
    FROM mart.daily_wikipedia_page_stats
    WHERE revision_date >= %(first)s
    GROUP BY page_title, page_language
    ORDER BY revisions DESC, page_title
"""
LAYERS = {
    "raw": ("raw.weather_observations", "raw.wikipedia_pages"),
    "core": ("core.location", "core.weather", "core.wikipedia_page", "core.revision"),
    "audit": ("audit.load", "audit.quarantine"),
    "mart": ("mart.daily_weather_aggregates", "mart.daily_wikipedia_page_stats"),
}


def missing(address: str, first: date, end: date) -> dict[str, list[str]]:
    """DAG id -> what its mart lacks of the days [first, end); a DAG whose mart is complete is left out."""
    values = {"first": first, "end": end, "days": (end - first).days}
    found: dict[str, list[str]] = {}
    with psycopg.connect(address, options="-c timezone=UTC") as connection:
        for dag_id, queries in CHECKS.items():
            gaps = [str(row[0]) for query in queries for row in connection.execute(query.encode(), values)]
            if gaps:
                found[dag_id] = gaps
    return found


def rows(address: str, query: str, first: date, end: date) -> list[dict[str, Any]]:
    """The rows of one of the queries above for the days [first, end)."""
    with psycopg.connect(address, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), {"first": first, "end": end}).fetchall()


def layer_counts(address: str) -> list[tuple[str, str, int]]:
    """Layer, table and its number of rows."""
    counts = []
    with psycopg.connect(address) as connection:
        for layer, tables in LAYERS.items():
            for table in tables:
                row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
                counts.append((layer, table, int(row[0]) if row else 0))
    return counts

"""A copy of core.weather for the contestants, in schema contestant, and a mart over it."""

from collections.abc import Sequence
from pathlib import Path

from include.warehouse import Connection
from include.windows import Window


def make_table(connection: Connection, windows: Sequence[Window]) -> None:
    """An empty one, with the months of these windows."""
    drop_tables(connection)
    connection.execute("CREATE SCHEMA contestant")
    connection.execute(
        "CREATE TABLE contestant.weather (LIKE core.weather INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES) "
        "PARTITION BY RANGE (observed_at)"
    )
    for window in windows:
        months = connection.execute(
            "SELECT month, month + interval '1 month' "
            "FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour', '1 month') AS month",
            [window.start, window.end],
        ).fetchall()
        for begins, ends in months:
            connection.execute(
                f"CREATE TABLE contestant.weather_{begins:%Y_%m} PARTITION OF contestant.weather "
                f"FOR VALUES FROM ('{begins.isoformat()}') TO ('{ends.isoformat()}')"
            )


def make_mart(connection: Connection) -> None:
    """The mart over the table, with the key that REFRESH ... CONCURRENTLY needs."""
    connection.execute(Path(__file__).with_name("daily.sql").read_text(encoding="utf-8"))
    connection.execute("CREATE UNIQUE INDEX ON contestant.daily (location_id, day)")


def drop_tables(connection: Connection) -> None:
    """All that a contestant left: dlt makes a schema of its own beside."""
    connection.execute("DROP SCHEMA IF EXISTS contestant, contestant_staging CASCADE")


def checksum(connection: Connection, schema: str) -> tuple[int, str]:
    """How many hours a schema's table has, and a sum over all that they say."""
    row = connection.execute(
        f"""
        SELECT
            count(*),
            sum(hashtextextended(concat_ws(
                '|', location_id, extract(epoch FROM observed_at)::bigint, temperature_celsius, humidity_percent, precipitation_mm,
                cloud_cover_percent, pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code
            ), 0))::text
        FROM {schema}.weather
        """
    ).fetchone()
    assert row is not None
    count, text = row
    return int(count), str(text)

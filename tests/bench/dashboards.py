"""What dashboards ask: the queries of docs/usage.md over a history of real size, each with its time and plan."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from include.warehouse import Connection
from tests.bench.figures import Figure, Table
from tests.bench.history import Warehouse, new_warehouse, today

USAGE = Path(__file__).parents[2] / "docs" / "usage.md"
CHAPTER = "Ask the warehouse"
REPEATS = 5
DAYS = 1000


def queries() -> dict[str, str]:
    """By what they tell, as docs/usage.md has them."""
    text = USAGE.read_text(encoding="utf-8")
    chapter = text.partition(f"\n## {CHAPTER}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\*\*(.+?)\*\*\n+```sql\n(.*?);\n```", chapter, re.M | re.S))


def measure(quick: bool) -> list[Table]:
    """The table of this part."""
    places = 10 if quick else 1000
    with history(places, DAYS) as warehouse, psycopg.connect(warehouse.url("dw_reader"), autocommit=True) as reader:
        plans = {what: [explained(reader, query) for _ in range(REPEATS)] for what, query in queries().items()}
    return [
        Table(
            f"What dashboards ask of {DAYS:,} days of {places:,} places and pages",
            tuple(Figure(what, tuple(map(milliseconds, some)), "ms") for what, some in plans.items()),
            {},
            "\n".join(f"- {what}: {told(some[-1]['Plan'])}" for what, some in plans.items()),
        )
    ]


@contextmanager
def history(count: int, days: int) -> Iterator[Warehouse]:
    """So many days of so many places and pages, up to now."""
    first, end = today() - timedelta(days=days), today() + timedelta(days=1)
    with new_warehouse() as warehouse:
        warehouse.follow_places(count)
        warehouse.follow_pages(count)
        warehouse.add_hours(first, end)
        warehouse.roll_up(first, end)
        warehouse.add_revisions(first, end)
        warehouse.analyze()
        warehouse.refresh_marts()
        yield warehouse


def explained(connection: Connection, query: str) -> dict[str, Any]:
    """The query's plan as PostgreSQL tells it, executed."""
    row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}").fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]
    return plan


def milliseconds(plan: dict[str, Any]) -> float:
    """To plan and to execute it."""
    return float(plan["Planning Time"] + plan["Execution Time"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan that were executed."""
    if plan["Actual Loops"]:
        yield plan
        for child in plan.get("Plans", ()):
            yield from nodes(child)


def scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes that read hours, days or marts."""
    large = re.compile("weather_|daily_|revision")
    return [node for node in nodes(plan) if large.match(node.get("Relation Name", ""))]


def told(plan: dict[str, Any]) -> str:
    """How its tables are read, in a line."""
    indexes = sorted({node["Index Name"] for node in nodes(plan) if "Index Name" in node})
    ways = [f"{node['Node Type']} of {node['Relation Name']}" for node in scans(plan)]
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans(plan))
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return f"{', '.join(ways)}; by {', '.join(indexes) or 'no index'}; {rows:,.0f} rows in {blocks:,} blocks"

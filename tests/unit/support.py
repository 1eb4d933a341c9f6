"""What the unit tests share: moments, and a connection without a database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REPO = Path(__file__).parent.parent.parent


def utc(text: str) -> datetime:
    """A moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class FakeConnection:
    """Answers every statement with the same rows, and keeps the parameters it was given."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.rows = list(rows)
        self.parameters: list[Any] = []

    def execute(self, statement: str, parameters: Any = None) -> "FakeConnection":
        self.parameters.append(parameters)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def __iter__(self) -> Any:
        return iter(self.rows)


def fake_connection(*rows: tuple[Any, ...]) -> Any:
    """A FakeConnection where a psycopg one is asked for."""
    return FakeConnection(*rows)

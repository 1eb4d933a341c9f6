"""A sandbox that stands at one moment, and a client that asks it as the project does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox import Sandbox

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
AGENT = "sandbox-tests/1.0 (https://example.org/contact) requests/2.32"


class Client:
    """Parameters are sent with literal commas and bars, everything else encoded."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["User-Agent"] = AGENT

    def get(self, path: str, **params: Any) -> requests.Response:
        query = "&".join(f"{name}={quote(str(value), safe=',|:')}" for name, value in params.items())
        return self.session.get(f"{self.sandbox.url}{path}?{query}", timeout=10)

    def forecast(self, **params: Any) -> Any:
        return self.get("/v1/forecast", **({"latitude": 48.85, "longitude": 2.35} | params)).json()

    def archive(self, **params: Any) -> Any:
        return self.get("/v1/archive", **({"latitude": 48.85, "longitude": 2.35} | params)).json()

    def wiki(self, **params: Any) -> Any:
        defaults = {"action": "query", "format": "json", "formatversion": 2, "maxlag": 5}
        return self.get("/w/api.php", **(defaults | params)).json()

    def page(self, **params: Any) -> Any:
        return self.wiki(**({"prop": "revisions", "rvprop": "ids|timestamp"} | params))["query"]["pages"][0]

    def history(self, **params: Any) -> list[Any]:
        """All rows of a window, following continuations."""
        rows: list[Any] = []
        following: dict[str, Any] = {}
        while True:
            body = self.wiki(**({"prop": "revisions", "rvlimit": "max", "rvdir": "newer"} | params | following))
            rows += body["query"]["pages"][0].get("revisions", [])
            if "continue" not in body:
                assert body["batchcomplete"] is True
                return rows
            assert "batchcomplete" not in body
            following = body["continue"]


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Sandbox]]:
    """Both kinds, started once."""
    with Sandbox(now=NOW, limits=False) as free, Sandbox(now=NOW) as limited:
        yield {"free": free, "limited": limited}


@pytest.fixture
def sandbox(servers: dict[str, Sandbox]) -> Sandbox:
    servers["free"].clear()
    servers["free"].now = NOW
    return servers["free"]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with (made := Client(sandbox)).session:
        yield made


@pytest.fixture
def limited(servers: dict[str, Sandbox]) -> Iterator[Client]:
    servers["limited"].clear()
    servers["limited"].now = NOW
    with (made := Client(servers["limited"])).session:
        yield made


@pytest.fixture(scope="session")
def recorded(recorded: Path) -> Any:
    """Reads one of the real services' recorded responses."""
    return lambda name: json.loads((recorded / f"{name}.json").read_text(encoding="utf-8"))

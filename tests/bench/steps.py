"""The steps of a load of weather as its tasks do them, through the same functions, without Airflow."""

from collections.abc import Callable
from typing import Any

import requests

from include.audit import audit_load
from include.http import fetch
from include.landing import Response, land, text_of
from include.loads import RunKey, begin_extraction, finish_extraction, open_load
from include.marts import refresh_mart
from include.source import ApiRequest, Mart
from include.sources.weather import SOURCE
from include.unreadable import BEGIN
from include.warehouse import Connection, now_of, run
from include.windows import Window

Step = Callable[[Connection, Any], object]
"""Of a load, by its id."""


def plan(window: Window, size: int, connection: Connection, run_id: str) -> list[int]:
    """The loads of a run over all places."""
    with connection.transaction():
        return [
            open_load(connection, RunKey(SOURCE.name, run_id), index, SOURCE.name, batch.subject_ids, batch.window)
            for index, batch in enumerate(SOURCE.plan_batches(connection, window, size, None))
        ]


def extract(sandbox: str, connection: Connection, load_id: int) -> None:
    """Asks the sandbox at this address."""
    extract_by(lambda request: asked(f"{sandbox}{request.endpoint}?{request.query}"), connection, load_id)


def extract_by(ask: Callable[[ApiRequest], Response], connection: Connection, load_id: int) -> None:
    """With the responses that `ask` gives."""
    load = begin_extraction(connection, load_id)
    rows = 0
    for request in SOURCE.conversation(connection, load, now_of(connection)):
        response = ask(request)
        raw_rows, _ = SOURCE.read(request, text_of(response.body)[0])
        rows += len(land(connection, SOURCE, load, request, response, raw_rows))
    finish_extraction(connection, load, rows)


def asked(url: str) -> Response:
    """The response to a GET, as extract asks."""
    with requests.Session() as session:
        session.stream = True  # fetch reads it as it comes
        return fetch(session, url, "", 60, allow_redirects=False)[0]


def transform(connection: Connection, load_id: int) -> None:
    """The step."""
    _in_one_transaction(connection, load_id, (*BEGIN, *SOURCE.stage_statements))


def validate(connection: Connection, load_id: int) -> None:
    """The step; withholds nothing."""
    assert audit_load(connection, SOURCE.suite, load_id).withheld == []


def publish(connection: Connection, load_id: int) -> None:
    """The step."""
    for name in SOURCE.prepare_statements:
        run(connection, name, {"load_id": load_id})
    _in_one_transaction(connection, load_id, SOURCE.publish_statements)


REST: dict[str, Step] = {"transform": transform, "validate": validate, "publish": publish}
"""The steps after extract."""


def refresh(connection: Connection, mart: Mart) -> None:
    """The step."""
    refresh_mart(connection, mart, SOURCE.name, always=True)


def _in_one_transaction(connection: Connection, load_id: int, statements: tuple[str, ...]) -> None:
    with connection.transaction():
        for name in statements:
            run(connection, name, {"load_id": load_id})

"""Landing answers in raw: byte for byte, whatever they are."""

import base64
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.errors import BadAnswer
from include.loads import Load
from include.source import ApiRequest, RawRow, Source
from include.warehouse import Connection, run

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Bound of one answer in memory; the largest that is asked for is a tenth of it."""

STREAMING_ERROR = "Unexpected error while streaming data"
"""How Open-Meteo ends a 200 that failed midway."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came; `broken` says what cut it short on the way, if anything did."""

    status: int
    url: str
    body: bytes
    broken: str | None = None


def text_of(body: bytes) -> tuple[str, str]:
    """(payload, payload_encoding) for a body: as it is, or base64 where PostgreSQL's text could not hold it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), "base64"
    if "\x00" in text:
        return base64.b64encode(body).decode("ascii"), "base64"
    return text, "utf-8"


def land(
    connection: Connection, source: Source, load: Load, request: ApiRequest, answer: Answer, rows: list[RawRow]
) -> list[int]:
    """Inserts good rows of an answer; returns their raw ids."""
    return [_insert(connection, source, load, request, answer, row.columns, row.payload, "utf-8", None) for row in rows]


def land_whole(
    connection: Connection, source: Source, load: Load, request: ApiRequest, answer: Answer, problem: str
) -> int:
    """Inserts an answer in one piece, with what is wrong with it; returns its raw id."""
    payload, encoding = text_of(answer.body)
    return _insert(connection, source, load, request, answer, source.whole(request), payload, encoding, problem)


def _insert(
    connection: Connection,
    source: Source,
    load: Load,
    request: ApiRequest,
    answer: Answer,
    columns: dict[str, Any],
    payload: str,
    encoding: str,
    problem: str | None,
) -> int:
    row = run(
        connection,
        source.LAND,
        {
            "load_id": load.load_id,
            "attempt": load.attempt,
            "source": request.connection_id,
            "url": answer.url,
            "http_status": answer.status,
            "window_start": request.window.start,
            "window_end": request.window.end,
            "payload": payload,
            "payload_encoding": encoding,
            "problem": problem,
            **columns,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def parse_json(text: str) -> Any:
    """The document in `text`; raises BadAnswer saying where it breaks, or what PostgreSQL could not take."""
    documents = list(_documents(text, 0, single=True))
    return documents[0][0]


def cut_array(text: str) -> list[tuple[Any, str]]:
    """The elements of the JSON array in `text`, each with its exact slice of it; raises BadAnswer."""
    start = _skip_space(text, 0)
    if text[start : start + 1] != "[":
        raise BadAnswer(f"expected a JSON array, the answer begins {text[:60]!r}")
    return list(_documents(text, start + 1, single=False))


def _documents(text: str, position: int, *, single: bool) -> Iterator[tuple[Any, str]]:
    """JSON documents from `position` on: one that fills the text, or those of an array up to its closing bracket."""
    _refuse_what_postgresql_cannot_take(text)
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
    while True:
        position = _skip_space(text, position)
        try:
            document, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
            raise BadAnswer(_broken_json(text, error)) from None
        yield document, text[position:end]
        position = _skip_space(text, end)
        if single and position == len(text):
            return
        following = text[position : position + 1]
        if not single and following == "]" and _skip_space(text, position + 1) == len(text):
            return
        if single or following != ",":
            raise BadAnswer(
                _broken_json(text, f"unexpected {text[position : position + 60]!r} at character {position}")
            )
        position += 1


def _skip_space(text: str, position: int) -> int:
    match = re.compile(r"[ \t\r\n]*").match(text, position)
    return match.end() if match else position


def _broken_json(text: str, error: object) -> str:
    if STREAMING_ERROR in text[-2000:]:
        return f"the service broke off while it was answering: {text[text.rindex(STREAMING_ERROR) :][:200]}"
    return f"the answer is no complete JSON ({error}; {len(text)} characters, ends in {text[-40:]!r})"


def _refuse_constant(name: str) -> None:
    raise BadAnswer(f"the answer holds {name}, which is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadAnswer(f"the answer holds the number {text[:40]}, which is too large")
    return number


def _refuse_what_postgresql_cannot_take(text: str) -> None:
    # jsonb takes neither \u0000 nor half of a surrogate pair; Python's parser takes both.
    if re.search(r"(?<!\\)(\\\\)*\\u0000", text):
        raise BadAnswer("the answer holds the character \\u0000, which PostgreSQL cannot store")
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise BadAnswer("the answer holds half of a surrogate pair, which PostgreSQL cannot store") from None
        except (ValueError, RecursionError):
            return  # no JSON at all: the parser says where

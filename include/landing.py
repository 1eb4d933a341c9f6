"""Landing responses in raw: byte for byte, whatever they are."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from include.errors import BadResponse, legible
from include.loads import Load
from include.source import ApiRequest, RawRow, Source
from include.warehouse import Connection, run
from include.windows import Window

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Bound of one response in memory; the largest that is asked for is a tenth of it."""

DIGITS = 100
"""Of the largest number that a response may hold. No value comes near, and the audit's double precision takes that many."""

LARGEST = 10.0**DIGITS

EVERY_DIGIT_AS_0 = bytes.maketrans(b"123456789", b"0" * 9)

STREAMING_ERROR = "Unexpected error while streaming data"
"""How Open-Meteo ends a 200 that failed midway."""


@dataclass(frozen=True)
class Response:
    """A response as it came; `broken` says what cut it short on the way, if anything did."""

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
    connection: Connection, source: Source, load: Load, request: ApiRequest, response: Response, rows: list[RawRow]
) -> list[int]:
    """Inserts a response cut into rows, one a subject of the request in its order, in one transaction; returns their raw ids.

    What is wrong with one is noted in staging.problem, and forgotten when a later response makes up for it.
    """
    raw_ids = []
    with connection.transaction():
        for subject_id, row in zip(request.subject_ids, rows, strict=True):
            raw_id = _insert(
                connection, source, load, request, response, row.columns, row.payload, "utf-8", row.problem
            )
            if row.problem:
                note_problem(connection, load, [subject_id], request.window, raw_id, row.problem)
            elif row.makes_up:
                run(connection, "ops/forgive_problems.sql", {**_attempt(load), "subject_id": subject_id})
            raw_ids.append(raw_id)
    return raw_ids


def land_whole(
    connection: Connection, source: Source, load: Load, request: ApiRequest, response: Response, problem: str
) -> int:
    """Inserts a response in one piece, with what is wrong with it; returns its raw id."""
    payload, encoding = text_of(response.body)
    return _insert(connection, source, load, request, response, source.whole(request), payload, encoding, problem)


def note_problem(
    connection: Connection, load: Load, subject_ids: Sequence[int], window: Window, raw_id: int | None, problem: str
) -> None:
    """Notes why these subjects cannot be loaded in a window: their audit withholds it. `raw_id`: the response, if one came."""
    run(
        connection,
        "ops/note_problem.sql",
        {
            **_attempt(load),
            "subject_ids": list(subject_ids),
            "window_start": window.start,
            "window_end": window.end,
            "raw_id": raw_id,
            "problem": legible(problem),
        },
    )


def _attempt(load: Load) -> dict[str, int]:
    return {"load_id": load.load_id, "attempt": load.attempt}


def _insert(
    connection: Connection,
    source: Source,
    load: Load,
    request: ApiRequest,
    response: Response,
    columns: dict[str, Any],
    payload: str,
    encoding: str,
    problem: str | None,
) -> int:
    row = run(
        connection,
        source.statement("land"),
        {
            "load_id": load.load_id,
            "attempt": load.attempt,
            "source": request.connection_id,
            "url": response.url,
            "http_status": response.status,
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


@dataclass(frozen=True)
class Document:
    """A JSON document of a response, its exact slice of it, and why the warehouse could not use it whatever it says."""

    value: Any
    text: str
    problem: str | None = None


def parse_json(text: str) -> Document:
    """The only document in `text`; raises BadResponse saying where it breaks."""
    return next(_documents(text, 0, single=True))


def cut_array(text: str) -> Iterator[Document]:
    """The elements of the JSON array in `text`, one at a time; raises BadResponse where it cannot be cut."""
    start = _skip_space(text, 0)
    if text[start : start + 1] != "[":
        raise BadResponse(f"expected a JSON array, the response begins {text[:60]!r}")
    yield from _documents(text, start + 1, single=False)


def _documents(text: str, position: int, *, single: bool) -> Iterator[Document]:
    """JSON documents from `position` on: one that fills the text, or those of an array up to its closing bracket."""
    # As [0-9]{101} would find them, in a quarter of the time.
    has_long_numbers = b"0" * (DIGITS + 1) in text.encode().translate(EVERY_DIGIT_AS_0)
    has_exponents = re.search("[eE][-+]?[0-9]", text) is not None
    decode = partial(_decode, has_long_numbers=has_long_numbers, has_exponents=has_exponents)
    while True:
        document, position = decode(text, _skip_space(text, position))
        ends = _skip_space(text, position)
        following = text[ends : ends + 1]
        is_last = not following if single else following == "]" and _skip_space(text, ends + 1) == len(text)
        if not is_last and (single or following != ","):
            raise BadResponse(_broken_json(text, f"unexpected {text[ends : ends + 60]!r} at character {ends}"))
        yield document
        if is_last:
            return
        position = ends + 1


def _decode(text: str, begins: int, *, has_long_numbers: bool, has_exponents: bool) -> tuple[Document, int]:
    """The document that begins there, and where it ends; what PostgreSQL could not take is its problem alone."""
    problems: list[str] = []

    def refuse(number: str, why: str) -> None:
        problems.append(f"the response holds {number[:40]}, which {why}")

    def number_of(digits: str) -> float:
        number = float(digits)
        if not -LARGEST <= number <= LARGEST:
            refuse(f"the number {digits}", "is too large")
        if number == 0 and re.match("[^eE]*[1-9]", digits):
            refuse(f"the number {digits}", "is too small")
        return number

    def whole_number_of(digits: str) -> int:
        if len(digits.lstrip("-")) > DIGITS:
            refuse(f"the number {digits}", "is too large")
            return 0
        return int(digits)

    decoder = json.JSONDecoder(
        parse_constant=lambda name: refuse(name, "is not a JSON number"),
        # Where there may be numbers beyond the bounds only: a function of our own for each takes five times as long.
        parse_float=number_of if has_long_numbers or has_exponents else None,
        parse_int=whole_number_of if has_long_numbers else None,
    )
    try:
        value, ends = decoder.raw_decode(text, begins)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadResponse(_broken_json(text, error)) from None
    document = text[begins:ends]
    problem = problems[0] if problems else _what_postgresql_cannot_take(value, document)
    return Document(value, document, problem), ends


def _skip_space(text: str, position: int) -> int:
    match = re.compile(r"[ \t\r\n]*").match(text, position)
    return match.end() if match else position


def _broken_json(text: str, error: object) -> str:
    if STREAMING_ERROR in text[-2000:]:
        return f"the service broke off while it was answering: {text[text.rindex(STREAMING_ERROR) :][:200]}"
    return f"the response is not complete JSON ({error}; {len(text)} characters, ends in {text[-40:]!r})"


def _what_postgresql_cannot_take(value: Any, text: str) -> str | None:
    # jsonb takes neither \u0000 nor half of a surrogate pair; Python's parser takes both.
    # The plain search is a hundred times faster, and nearly always enough.
    if "\\u0000" in text and re.search(r"(?<!\\)(\\\\)*\\u0000", text):
        return "the response holds the character \\u0000, which PostgreSQL cannot store"
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            return "the response holds half of a surrogate pair, which PostgreSQL cannot store"
    return None

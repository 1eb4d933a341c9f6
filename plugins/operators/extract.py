"""extract: asks the service for all of a load and lands each answer in raw as it comes; a replay asks nobody."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from textwrap import shorten
from threading import Event, Timer
from time import monotonic
from typing import Any
from urllib.parse import quote

import requests
import urllib3
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret

from include.errors import BadAnswer, WarehouseError
from include.landing import MAX_BODY_BYTES, Answer, land, land_whole, note_problem, text_of
from include.loads import Load, begin_extraction, finish_extraction
from include.patience import Patience
from include.replay import replay_answers
from include.settings import read_settings
from include.source import ApiRequest, Source
from include.warehouse import Connection
from plugins.warehouse import warehouse

CONNECT_SECONDS = 10
"""To connect, of the time that an answer has."""

OUTAGE = 3
"""Requests in a row without an answer, after which no other is asked. Two may be neighbours with a fault of their own each."""

PART_OF_A_HOST = re.compile("(?!-)[A-Za-z0-9-]{1,63}")
"""One name between two dots: nothing that would lead a request to another host."""


class ExtractOperator(HttpOperator):
    """Works through the requests of one load. No payload travels through XCom or the log: the ledger knows the load's rows.

    :param source: the module of the source
    :param parameters: {load_id, label}: the load in audit.load, and its name in the UI
    :param patience: what a try waits out; the task's execution_timeout is to have room for its longest_try
    """

    template_fields = (*HttpOperator.template_fields, "parameters")
    shallow_copy_attrs = ("source",)  # a module cannot be copied deeply

    def __init__(self, *, source: Source, parameters: Any, patience: Patience, **kwargs: Any) -> None:
        super().__init__(method="GET", do_xcom_push=False, **kwargs)
        self.source = source
        self.parameters = parameters
        self.patience = patience

    def execute(self, context: Context) -> None:
        """Lands the answers of a new extraction attempt; of a replay, finds those that are there."""
        with warehouse() as connection:
            try:
                load = begin_extraction(connection, self.parameters["load_id"])
                if load.is_replay:
                    rows = replay_answers(connection, self.source, load)
                else:
                    rows = self._converse(connection, load)
                    finish_extraction(connection, load, rows)
            except BadAnswer as error:
                if error.is_retryable:
                    raise
                raise AirflowFailException(str(error)) from None
            except WarehouseError as error:
                raise AirflowFailException(str(error)) from None
        self.log.info("load %d: %d rows %s in raw", load.load_id, rows, "found" if load.is_replay else "landed")

    def _converse(self, connection: Connection, load: Load) -> int:
        """Works through the requests; returns how many rows were landed. What one of them fails with may be a fault of its own."""
        rows, patience, faults = 0, self.patience.begun(), Faults()
        conversation = self.source.conversation(connection, load, datetime.now(UTC))
        understood = None
        with suppress(StopIteration):
            while True:
                request = conversation.send(understood)
                try:
                    landed, understood = patience.ask(partial(self._ask, connection, load, request), self._tell)
                    rows += landed
                    faults.answered()
                except Unanswered as error:
                    faults.met(error, patience)
                    note_problem(connection, load, request.subject_ids, request.window, error.raw_id, error.problem)
                    self._leave_out(request, error.problem, error.raw_id)
                    understood = None
        faults.end()
        return rows

    def _leave_out(self, request: ApiRequest, problem: str, raw_id: int | None) -> None:
        held = "no answer" if raw_id is None else self._held_by(raw_id)
        self.log.warning(
            "left out, all else goes on: %s; %s; window %s; %s", problem, request.about, request.window, held
        )

    def _tell(self, error: BadAnswer, seconds: float) -> None:
        self.log.warning("asked again in %.0f s: %s", seconds, shorten(str(error), 200, placeholder=" …"))

    def _ask(self, connection: Connection, load: Load, request: ApiRequest) -> tuple[int, Any]:
        """Fetches, lands and checks one answer; raises Unanswered, with an unusable one landed whole."""
        answer, headers = self._fetch(request)
        self.log.info("%s %s: %d, %d bytes", request.connection_id, request.window, answer.status, len(answer.body))
        try:
            raw_rows, understood = self._read(request, answer, headers)
        except BadAnswer as error:
            raw_id = land_whole(connection, self.source, load, request, answer, str(error))
            raise Unanswered(
                f"{self.source.NAME}: {error}; {request.about}; window {request.window}; {self._held_by(raw_id)}; {_advice(error)}",
                error,
                raw_id,
            ) from None
        raw_ids = land(connection, self.source, load, request, answer, raw_rows)
        for raw_id, raw_row in zip(raw_ids, raw_rows, strict=True):
            if raw_row.problem:
                self._leave_out(request, raw_row.problem, raw_id)
        return len(raw_rows), understood

    def _held_by(self, raw_id: int) -> str:
        return f"raw id {raw_id} of {self.source.RAW_TABLE} holds the answer"

    def _read(self, request: ApiRequest, answer: Answer, headers: dict[str, str]) -> tuple[Any, Any]:
        text, encoding = text_of(answer.body)
        if answer.broken:
            # One that is too large would be so again, and be kept each time.
            raise BadAnswer(answer.broken, is_retryable=len(answer.body) <= MAX_BODY_BYTES)
        if answer.status != 200:
            details = self.source.problem_of_status(answer.status, text, datetime.now(UTC))
            retry_after = _retry_after(headers) or details.retry_after
            raise BadAnswer(
                f"HTTP {answer.status}: {details.problem}",
                is_retryable=details.is_retryable,
                retry_after=retry_after,
                is_of_service=details.is_of_service,
            )
        if encoding != "utf-8":
            raise BadAnswer("the answer is no UTF-8 text")
        try:
            return self.source.read(request, text)
        except BadAnswer as error:
            # A 200 may carry an error, and then a Retry-After too: MediaWiki's maxlag.
            error.retry_after = _retry_after(headers) or error.retry_after if error.is_retryable else None
            raise
        except Exception as error:  # whatever it is, the answer is landed and the message names it
            self.log.exception("reading an answer failed")
            raise BadAnswer(f"the answer could not be read: {type(error).__name__}: {error}") from None

    def _fetch(self, request: ApiRequest) -> tuple[Answer, dict[str, str]]:
        # Not self.hook, which knows no connection of type https: what `AIRFLOW_CONN_…=https://host` is.
        hook = HttpHook(self.method, request.connection_id)
        session = hook.get_conn({"User-Agent": _user_agent()}, {"stream": True})
        seconds, asked = self.patience.answer_seconds, monotonic()
        url = _host(hook, request) + request.endpoint + "?" + request.query
        try:
            # Not by the hook, which would log the URL of a request that failed.
            with (
                session,
                session.get(
                    url + _api_key(request.connection_id),
                    proxies=session.proxies,
                    verify=session.verify,
                    timeout=urllib3.Timeout(total=seconds, connect=CONNECT_SECONDS),  # type: ignore[arg-type]  # handed on
                    allow_redirects=hook.merged_extra.get("allow_redirects", True),
                ) as response,
            ):
                body, broken = _read_body(response, seconds, asked)
                return Answer(response.status_code, url, body, broken), dict(response.headers)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # Its text would hold the URL, and that the API key.
            problem = f"no answer from {url.split('?')[0]} ({type(error).__name__})"
            # A ValueError: an address that cannot be asked at all.
            is_retryable = not isinstance(error, ValueError)
            raise Unanswered(
                f"{self.source.NAME}: {problem}; {request.about}; window {request.window}; check the connection "
                f"{request.connection_id} and the network, then clear this task",
                BadAnswer(problem, is_retryable=is_retryable, is_of_service=not is_retryable),
            ) from None


class Unanswered(BadAnswer):
    """A request that brought nothing that can be used: in full for the user, what is wrong with it, and the answer, if one came."""

    def __init__(self, text: str, error: BadAnswer, raw_id: int | None = None) -> None:
        super().__init__(
            text, is_retryable=error.is_retryable, retry_after=error.retry_after, is_of_service=error.is_of_service
        )
        self.problem = str(error)
        self.raw_id = raw_id


class Faults:
    """The requests of a try that got no answer: raises where they are no faults of their own but an outage of the service."""

    def __init__(self) -> None:
        self.first: Unanswered | None = None
        self.in_a_row: list[Unanswered] = []
        """Since the last answer that came; only errors that pass by themselves, for others are answers of a kind."""
        self.has_answers = False

    def answered(self) -> None:
        self.has_answers = True
        self.in_a_row.clear()

    def met(self, error: Unanswered, patience: Patience) -> None:
        is_later = (error.retry_after or 0) > patience.seconds
        if error.is_of_service or is_later or patience.is_overdrawn:
            raise error
        self.first = self.first or error
        if error.is_retryable:
            self.in_a_row.append(error)
        if len(self.in_a_row) == OUTAGE:
            raise error

    def end(self) -> None:
        """What no answer followed stays an outage: two requests at the end, or all of them."""
        if len(self.in_a_row) > 1:
            raise self.in_a_row[-1]
        if self.first and not self.has_answers:
            raise self.first


def _read_body(response: requests.Response, seconds: float, asked: float) -> tuple[bytes, str | None]:
    """The body, and what cut it short; what came before the cut is kept. It has so many seconds since the moment `asked`."""
    body, is_late = bytearray(), Event()
    broken = None

    def hang_up() -> None:
        is_late.set()
        # It may have ended by itself in this moment.
        with suppress(OSError, RuntimeError, ValueError):
            response.raw.shutdown()

    timer = Timer(max(0.0, asked + seconds - monotonic()), hang_up)
    timer.daemon = True
    timer.start()
    try:
        # iter_content would wait for a full chunk, and lose what came of it when the connection breaks.
        while (chunk := response.raw.read1(1 << 16, decode_content=True)) and not is_late.is_set():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return bytes(body), f"the answer is larger than {MAX_BODY_BYTES >> 20} MiB"
    except (urllib3.exceptions.HTTPError, OSError) as error:
        broken = f"the connection broke after {len(body)} bytes ({type(error).__name__})"
    except (ValueError, AttributeError):
        # Of a TLS connection that is hung up while it is read.
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    return bytes(body), f"the answer took longer than {seconds:g} s" if is_late.is_set() else broken


def _api_key(connection_id: str) -> str:
    """`&apikey=…` where the connection has a key. Airflow masks the key in logs, as it is; here it is masked as a URL has it."""
    key = BaseHook.get_connection(connection_id).password
    if not key:
        return ""
    escaped = quote(key, safe="")
    mask_secret(escaped)
    return f"&apikey={escaped}"


def _host(hook: HttpHook, request: ApiRequest) -> str:
    """Where to ask, with the fields of the request in it; Unanswered for a host with others, and for a value that is no name."""
    base_url = _base_url(hook, request.connection_id)
    for name, value in request.host_fields.items():
        if not PART_OF_A_HOST.fullmatch(value):
            problem = (
                f"its {name} {value!r} is no part of a host's name: correct it in include/seed_data.yaml and seed again"
            )
            raise Unanswered(
                f"{' '.join(request.about.split())}: {problem}, then clear this task",
                BadAnswer(problem, is_retryable=False),
            )
    try:
        return base_url.format(**request.host_fields)
    except (LookupError, AttributeError, ValueError):
        known = ", ".join(f"{{{name}}}" for name in request.host_fields) or "no field in braces"
        problem = f"the host {base_url} of the connection {request.connection_id} cannot be read, it may have {known}"
        raise Unanswered(
            f"{problem}: correct the connection, then clear this task",
            BadAnswer(problem, is_retryable=False, is_of_service=True),
        ) from None


def _base_url(hook: HttpHook, connection_id: str) -> str:
    """Scheme, host and port of the connection. `https://host` as a URI is connection type https, which the hook overlooks."""
    connection = BaseHook.get_connection(connection_id)
    base_url = hook.base_url.rstrip("/")
    if connection.conn_type == "https" and base_url.startswith("http://"):
        return "https://" + base_url.removeprefix("http://")
    return base_url


def _user_agent() -> str:
    """`<client>/<version> (<contact>) <library>/<version>`, as Wikimedia's robot policy wants it."""
    return f"dw-local-free/1.0 ({read_settings().contact}) python-requests/{version('requests')}"


def _retry_after(headers: dict[str, str]) -> float | None:
    """Seconds to wait, from either form that RFC 9110 gives the header."""
    value = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _advice(error: BadAnswer) -> str:
    if error.is_retryable:
        return "it is tried again by itself; after the last try clear this task once the service is healthy"
    return "trying again would not help: correct what it names, then clear this task"

"""extract: asks the service for all of a load and lands each response in raw as it comes; a replay asks nobody."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from textwrap import shorten
from typing import Any
from urllib.parse import quote

from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret

from include.errors import BadResponse, WarehouseError, in_lines, legible
from include.http import fetch, host_of, retry_after_of, user_agent
from include.landing import MAX_BODY_BYTES, Response, land, land_whole, note_problem, text_of
from include.loads import Load, begin_extraction, finish_extraction
from include.outage import Faults, Unanswered
from include.patience import Patience
from include.replay import replay_responses
from include.settings import read_settings
from include.source import ApiRequest, Source
from include.warehouse import Connection, now_of
from plugins.warehouse import warehouse


class ExtractOperator(HttpOperator):
    """Works through the requests of one load. No payload travels through XCom or the log: the ledger knows the load's rows.

    :param parameters: {load_id, label}: the load in audit.load, and its name in the UI
    :param patience: what a try waits out; the task's execution_timeout is to have room for its longest_try
    :param clock: what time it is, in UTC, as the warehouse has it
    """

    template_fields = (*HttpOperator.template_fields, "parameters")

    def __init__(
        self,
        *,
        source: Source,
        parameters: Any,
        patience: Patience,
        clock: Callable[[Connection], datetime] = now_of,
        **kwargs: Any,
    ) -> None:
        super().__init__(method="GET", do_xcom_push=False, **kwargs)
        self.source = source
        self.parameters = parameters
        self.patience = patience
        self.clock = clock
        self.is_last_try = False

    def execute(self, context: Context) -> None:
        """Lands the responses of a new extraction attempt; of a replay, finds those that are there."""
        instance = context["ti"]
        self.is_last_try = instance.try_number > instance.max_tries
        with warehouse() as connection:
            try:
                load = begin_extraction(connection, self.parameters["load_id"])
                if load.is_replay:
                    rows = replay_responses(connection, self.source, load)
                else:
                    rows = self._converse(connection, load)
                    finish_extraction(connection, load, rows)
            except BadResponse as error:
                if error.is_retryable:
                    raise
                raise AirflowFailException(str(error)) from None
            except WarehouseError as error:
                raise AirflowFailException(in_lines(error.what, error.advice)) from None
        self.log.info("load %d: %d rows %s in raw", load.load_id, rows, "found" if load.is_replay else "landed")

    def _converse(self, connection: Connection, load: Load) -> int:
        """Works through the requests; returns how many rows were landed. What one of them fails with may be a fault of its own."""
        rows, patience, faults = 0, self.patience.begun(), Faults()
        conversation = self.source.conversation(connection, load, self.clock(connection))
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
        held = "no response" if raw_id is None else self._held_by(raw_id)
        self.log.warning(
            "left out, all else goes on: %s; %s; window %s; %s", legible(problem), request.about, request.window, held
        )

    def _tell(self, error: BadResponse, seconds: float) -> None:
        self.log.warning("asked again in %.0f s: %s", seconds, shorten(str(error), 200, placeholder=" …"))

    def _ask(self, connection: Connection, load: Load, request: ApiRequest) -> tuple[int, Any]:
        """Fetches, lands and checks one response; raises Unanswered, with an unusable one landed whole."""
        response, headers = self._fetch(request)
        self.log.info("%s %s: %d, %d bytes", request.connection_id, request.window, response.status, len(response.body))
        try:
            raw_rows, understood = self._read(request, response, headers, self.clock(connection))
        except BadResponse as error:
            raw_id = land_whole(connection, self.source, load, request, response, str(error))
            raise Unanswered(
                self._told(request, error, self._held_by(raw_id), self._advice(error)),
                error,
                raw_id,
            ) from None
        raw_ids = land(connection, self.source, load, request, response, raw_rows)
        for raw_id, raw_row in zip(raw_ids, raw_rows, strict=True):
            if raw_row.problem:
                self._leave_out(request, raw_row.problem, raw_id)
        return len(raw_rows), understood

    def _told(self, request: ApiRequest, error: BadResponse, *more: str) -> str:
        return in_lines(f"{self.source.name}, {request.window}: {error}", request.about, *more)

    def _advice(self, error: BadResponse) -> str:
        if not error.is_retryable:
            return "trying again would not help: correct what it names, then clear this task"
        if self.is_last_try:
            return "no try is left: clear this task once the service is healthy"
        return "it is tried again by itself"

    def _held_by(self, raw_id: int) -> str:
        return f"raw id {raw_id} of {self.source.raw_table} holds the response"

    def _read(self, request: ApiRequest, response: Response, headers: dict[str, str], now: datetime) -> tuple[Any, Any]:
        text, encoding = text_of(response.body)
        if response.broken:
            # One that is too large would be so again, and be kept each time.
            raise BadResponse(response.broken, is_retryable=len(response.body) <= MAX_BODY_BYTES)
        if response.status != 200:
            details = self.source.problem_of_status(response.status, text, now)
            retry_after = retry_after_of(headers, now) or details.retry_after
            raise BadResponse(
                f"HTTP {response.status}: {details.problem}",
                is_retryable=details.is_retryable,
                retry_after=retry_after,
                is_of_service=details.is_of_service,
            )
        if encoding != "utf-8":
            raise BadResponse("the response is not UTF-8 text")
        try:
            return self.source.read(request, text)
        except BadResponse as error:
            # A 200 may carry an error, and then a Retry-After too: MediaWiki's maxlag.
            error.retry_after = retry_after_of(headers, now) or error.retry_after if error.is_retryable else None
            raise
        except Exception as error:  # whatever it is, the response is landed and the message names it
            self.log.exception("reading a response failed")
            raise BadResponse(f"the response could not be read: {type(error).__name__}: {error}") from None

    def _fetch(self, request: ApiRequest) -> tuple[Response, dict[str, str]]:
        # Not self.hook, which knows no connection of type https: what `AIRFLOW_CONN_…=https://host` is.
        hook = HttpHook(self.method, request.connection_id)
        session = hook.get_conn({"User-Agent": user_agent(read_settings().contact)}, {"stream": True})
        url = host_of(_base_url(hook, request.connection_id), request) + request.endpoint + "?" + request.query
        try:
            # Not by the hook, which would log the URL of a request that failed.
            with session:
                return fetch(
                    session,
                    url,
                    _api_key(request.connection_id),
                    self.patience.response_seconds,
                    allow_redirects=hook.merged_extra.get("allow_redirects", True),
                )
        except BadResponse as error:
            raise Unanswered(
                self._told(
                    request,
                    error,
                    self._advice(error) if error.is_retryable else "",
                    f"check the connection {request.connection_id} and the network, then clear this task",
                ),
                error,
            ) from None


def _api_key(connection_id: str) -> str:
    """`&apikey=…` where the connection has a key. Airflow masks the key in logs, as it is; here it is masked as a URL has it."""
    key = BaseHook.get_connection(connection_id).password
    if not key:
        return ""
    escaped = quote(key, safe="")
    mask_secret(escaped)
    return f"&apikey={escaped}"


def _base_url(hook: HttpHook, connection_id: str) -> str:
    """Scheme, host and port of the connection. `https://host` as a URI is connection type https, which the hook overlooks."""
    connection = BaseHook.get_connection(connection_id)
    base_url = hook.base_url.rstrip("/")
    if connection.conn_type == "https" and base_url.startswith("http://"):
        return "https://" + base_url.removeprefix("http://")
    return base_url

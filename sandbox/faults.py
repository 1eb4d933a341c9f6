"""Troubles to order: a fault picks requests and replaces, edits or breaks their responses."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.messages import JSON_TYPE, Request, Response, dump
from sandbox.weather import Cell

OPEN_METEO = "/v1/"
MEDIAWIKI = "/w/api.php"
ADVICE = {
    "Minutely": "Please try again in one minute.",
    "Hourly": "Please try again in the next hour.",
    "Daily": "Please try again tomorrow.",
}


@dataclass
class Fault:
    """Applies to requests whose path contains `path` and that satisfy `when`, to the first `times` of them (None: all).

    With `status` it answers itself; otherwise the real response is made, then changed by `transform` (parsed JSON to
    JSON) and `rewrite` (bytes to bytes). `truncate_at` sends that many bytes as if they were all; `drop_at` announces
    the whole body and closes the connection after that many bytes, with `reset` without a farewell. `delay` is in seconds,
    before the response; `pace` in seconds, before each byte of its body.

    It is used up by being applied: one that several tests name is given to each as a copy (`dataclasses.replace`).
    """

    path: str = ""
    when: Callable[[Request], bool] | None = None
    times: int | None = 1
    status: int | None = None
    body: bytes | str = b""
    headers: dict[str, str] = field(default_factory=dict)
    transform: Callable[[Any], Any] | None = None
    rewrite: Callable[[bytes], bytes] | None = None
    truncate_at: int | None = None
    drop_at: int | None = None
    reset: bool = False
    delay: float = 0.0
    pace: float = 0.0
    applied: int = 0

    def take(self, request: Request) -> bool:
        """Whether the fault applies to this request; each yes uses it up by one."""
        spent = self.times is not None and self.applied >= self.times
        if spent or self.path not in request.path or (self.when is not None and not self.when(request)):
            return False
        self.applied += 1
        return True

    def replacement(self) -> Response | None:
        if self.status is None:
            return None
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return Response(self.status, body, {"Content-Type": JSON_TYPE, **self.headers})

    def edit(self, response: Response) -> Response:
        body = response.body
        if self.transform is not None and response.headers.get("Content-Type") == JSON_TYPE:
            body = dump(self.transform(json.loads(body))).encode()
        if self.rewrite is not None:
            body = self.rewrite(body)
        return Response(response.status, body, {**response.headers, **self.headers})

    @classmethod
    def _made(cls, more: dict[str, Any], fields: dict[str, Any]) -> "Fault":
        return cls(**(fields | more))

    # Open-Meteo

    @classmethod
    def streaming_error(cls, cause: str = "timeoutReached", keep: float = 0.6, **more: Any) -> "Fault":
        """A 200 whose JSON breaks off after the share `keep` and ends in the service's message; 0: message only."""
        end = f"Unexpected error while streaming data: {cause}".encode()
        return cls._made(more, {"path": OPEN_METEO, "rewrite": lambda body: body[: int(len(body) * keep)] + end})

    @classmethod
    def rate_limited(cls, window: str = "Minutely", **more: Any) -> "Fault":
        """`window`: Minutely, Hourly or Daily."""
        return cls._open_meteo(429, f"{window} API request limit exceeded. {ADVICE[window]}", more)

    @classmethod
    def concurrent(cls, **more: Any) -> "Fault":
        return cls._open_meteo(429, "Too many concurrent requests", more)

    @classmethod
    def overloaded(cls, **more: Any) -> "Fault":
        return cls._open_meteo(503, "The service is overloaded", more)

    @classmethod
    def server_error(cls, **more: Any) -> "Fault":
        """The keys come the other way round here, as they do from the real service."""
        body = dump({"reason": "Something went wrong.", "error": True})
        return cls._made(more, {"path": OPEN_METEO, "status": 500, "body": body})

    @classmethod
    def bad_request(cls, reason: str, **more: Any) -> "Fault":
        return cls._open_meteo(400, reason, more)

    @classmethod
    def plan_required(cls, **more: Any) -> "Fault":
        reason = "This API endpoint requires the API Professional or Enterprise plan"
        return cls._open_meteo(403, reason, {"path": "/v1/archive"} | more)

    @classmethod
    def absurd(
        cls,
        variable: str,
        value: Any,
        *,
        place: tuple[float, float] | None = None,
        hour: datetime | str | None = None,
        **more: Any,
    ) -> "Fault":
        """One variable's value at one hour (or all), of one place (latitude, longitude; or all), replaced."""
        moment = _moment(hour)

        def put(item: dict[str, Any]) -> None:
            values = item["hourly"].get(variable)
            for index, stamp in enumerate(item["hourly"]["time"] if values is not None else []):
                if moment is None or stamp in moment:
                    values[index] = value

        return cls._made(more, {"path": OPEN_METEO, "times": None, "transform": _for_place(place, put)})

    @classmethod
    def null(cls, variable: str, **more: Any) -> "Fault":
        return cls.absurd(variable, None, **more)

    @classmethod
    def unit(cls, variable: str, unit: str, *, place: tuple[float, float] | None = None, **more: Any) -> "Fault":
        """Another unit is announced; the numbers stay."""

        def put(item: dict[str, Any]) -> None:
            if variable in item["hourly_units"]:
                item["hourly_units"][variable] = unit

        return cls._made(more, {"path": OPEN_METEO, "times": None, "transform": _for_place(place, put)})

    @classmethod
    def _open_meteo(cls, status: int, reason: str, more: dict[str, Any]) -> "Fault":
        body = dump({"error": True, "reason": reason})
        return cls._made(more, {"path": OPEN_METEO, "status": status, "body": body})

    # MediaWiki

    @classmethod
    def maxlag(cls, retry_after: int | None = 5, lag: float = 7.2, **more: Any) -> "Fault":
        info = f"Waiting for a database server: {lag} seconds lagged."
        return cls.wiki_error("maxlag", info, retry_after, {"host": "db1", "lag": lag, "type": "db"}, **more)

    @classmethod
    def wiki_error(
        cls,
        code: str = "ratelimited",
        info: str = "You've exceeded your rate limit. Please wait some time and try again.",
        retry_after: int | None = None,
        details: dict[str, Any] | None = None,
        **more: Any,
    ) -> "Fault":
        """An error that rides on a 200, as all of the Action API's do: ratelimited, readonly, internal_api_error_..."""
        error = {"code": code, "info": info, **(details or {})}
        headers = {"MediaWiki-API-Error": code} | ({} if retry_after is None else {"Retry-After": str(retry_after)})
        body = dump({"error": error, "servedby": "sandbox"})
        return cls._made(more, {"path": MEDIAWIKI, "status": 200, "body": body, "headers": headers})

    @classmethod
    def too_many_requests(cls, retry_after: int | None = 5, **more: Any) -> "Fault":
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        body = "You are making too many requests."
        return cls._made(more, {"path": MEDIAWIKI, "status": 429, "body": body, "headers": headers})

    # The wire

    @classmethod
    def truncated(cls, at: int, **more: Any) -> "Fault":
        return cls._made(more, {"truncate_at": at})

    @classmethod
    def dropped(cls, at: int, **more: Any) -> "Fault":
        return cls._made(more, {"drop_at": at})

    @classmethod
    def slow(cls, seconds: float, **more: Any) -> "Fault":
        return cls._made(more, {"delay": seconds})


def _moment(hour: datetime | str | None) -> tuple[str | int, int] | None:
    """The hour in both time formats of a response."""
    if hour is None:
        return None
    when = datetime.fromisoformat(hour) if isinstance(hour, str) else hour
    when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return when.strftime("%Y-%m-%dT%H:%M"), int(when.timestamp())


def _for_place(place: tuple[float, float] | None, put: Callable[[dict[str, Any]], None]) -> Callable[[Any], Any]:
    """Applies `put` to each place's object of a response, or only to those in the cell of `place`."""
    cell = None if place is None else Cell.of(*place)

    def transform(body: Any) -> Any:
        items: Iterable[dict[str, Any]] = body if isinstance(body, list) else [body]
        for item in items:
            here = (item.get("latitude"), item.get("longitude"))
            if "hourly" in item and (cell is None or here == (cell.latitude, cell.longitude)):
                put(item)
        return body

    return transform

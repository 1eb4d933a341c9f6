"""HTTP as the extraction needs it: bounded in time and size, keeping what came before a break, and telling no secret."""

import re
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from threading import Event, Timer
from time import monotonic

import requests
import urllib3

from include.errors import BadResponse
from include.landing import MAX_BODY_BYTES, Response
from include.outage import Unanswered
from include.source import ApiRequest

CONNECT_SECONDS = 10
"""To connect, of the time that a response has."""

PART_OF_A_HOST = re.compile("(?!-)[A-Za-z0-9-]{1,63}")
"""One name between two dots: nothing that would lead a request to another host."""


def fetch(
    session: requests.Session, url: str, secret: str, seconds: float, *, allow_redirects: bool
) -> tuple[Response, dict[str, str]]:
    """GETs `url` with `secret` at its end, which is told to nobody: the response, and its headers.

    It has so many seconds from the ask to its last byte. Raises BadResponse when none comes.
    """
    asked = monotonic()
    try:
        with session.get(
            url + secret,
            proxies=session.proxies,
            verify=session.verify,
            timeout=urllib3.Timeout(total=seconds, connect=CONNECT_SECONDS),  # type: ignore[arg-type]  # requests hands it on to urllib3
            allow_redirects=allow_redirects,
        ) as response:
            body, broken = read_body(response, seconds, asked)
            return Response(response.status_code, url, body, broken), dict(response.headers)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # Its text would hold the URL, and that the API key. A ValueError: an address that cannot be asked at all.
        is_retryable = not isinstance(error, ValueError)
        raise BadResponse(
            f"no response from {url.split('?')[0]} ({type(error).__name__})",
            is_retryable=is_retryable,
            is_of_service=not is_retryable,
        ) from None


def read_body(response: requests.Response, seconds: float, asked: float) -> tuple[bytes, str | None]:
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
                return bytes(body), f"the response is larger than {MAX_BODY_BYTES >> 20} MiB"
    except (urllib3.exceptions.HTTPError, OSError) as error:
        broken = f"the connection broke after {len(body)} bytes ({type(error).__name__})"
    except (ValueError, AttributeError):
        # Of a TLS connection that is hung up while it is read.
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    return bytes(body), f"the response took longer than {seconds:g} s" if is_late.is_set() else broken


def host_of(base_url: str, request: ApiRequest) -> str:
    """Where to ask, with the fields of the request in it; Unanswered for a host with others, and for a value that is not a name."""
    for name, value in request.host_fields.items():
        if not PART_OF_A_HOST.fullmatch(value):
            problem = f"its {name} {value!r} is not part of a host's name: correct it in include/seed_data.yaml and seed again"
            raise Unanswered(
                f"{' '.join(request.about.split())}: {problem}, then clear this task",
                BadResponse(problem, is_retryable=False),
            )
    try:
        return base_url.format(**request.host_fields)
    except (LookupError, AttributeError, ValueError):
        known = ", ".join(f"{{{name}}}" for name in request.host_fields) or "no field in braces"
        problem = f"the host {base_url} of the connection {request.connection_id} cannot be read, it may have {known}"
        raise Unanswered(
            f"{problem}: correct the connection, then clear this task",
            BadResponse(problem, is_retryable=False, is_of_service=True),
        ) from None


def user_agent(contact: str) -> str:
    """`<client>/<version> (<contact>) <library>/<version>`, as Wikimedia's robot policy wants it."""
    return f"dw-local-free/1.0 ({contact}) python-requests/{version('requests')}"


def retry_after_of(headers: dict[str, str], now: datetime) -> float | None:
    """Seconds to wait from `now` (UTC), from either form that RFC 9110 gives the header."""
    value = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None

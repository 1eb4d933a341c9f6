"""The HTTP side: one process that answers for both services, on a thread of its own."""

import socket
import socketserver
import struct
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from sandbox.faults import Fault
from sandbox.mediawiki import MediaWiki
from sandbox.messages import Request, Response
from sandbox.open_meteo import OpenMeteo, error
from sandbox.revisions import Added

NOTICE = "This is the sandbox: it answers in place of Open-Meteo and MediaWiki. All its data is invented.\n"


class Sandbox:
    """`with Sandbox(now=...) as sandbox:` serves on `sandbox.url` until the block ends.

    `now` None is the wall clock; port 0 any free port; `limits=False` switches off the services' rate limits.
    """

    def __init__(
        self, now: datetime | None = None, port: int = 0, host: str = "127.0.0.1", limits: bool = True
    ) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.open_meteo = OpenMeteo(self._clock, limits)
        self.mediawiki = MediaWiki(self._clock, limits)
        self._server = _Server((host, port), self)
        self.host, self.port = host, int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def now(self) -> datetime:
        return self._clock()

    @now.setter
    def now(self, now: datetime | None) -> None:
        self._now = now

    def _clock(self) -> datetime:
        return self._now or datetime.now(UTC)

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="sandbox")
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def clear(self) -> None:
        """Forgets requests, faults, spent budgets and everything that happened to pages."""
        with self._lock:
            self.requests.clear()
            self.faults.clear()
        self.open_meteo.budget.clear()
        self.mediawiki.rate.clear()
        self.mediawiki.wiki.clear()

    # Events of pages

    def move_page(self, old_title: str, new_title: str, leave_redirect: bool = True) -> None:
        self.mediawiki.wiki.move(old_title, new_title, self.now, leave_redirect)

    def delete_page(self, title: str) -> None:
        self.mediawiki.wiki.delete(title)

    def redirect_page(self, title: str, target: str) -> None:
        self.mediawiki.wiki.redirect(title, target, self.now)

    def hide_user(self, revid: int) -> None:
        self.mediawiki.wiki.hidden_users.add(revid)

    def change_namespace(self, title: str, namespace: int) -> str:
        """The page's new title; its id stays."""
        return self.mediawiki.wiki.change_namespace(title, namespace, self.now).title

    def add_revisions(self, title: str, start: datetime, count: int, step_seconds: float = 60) -> None:
        edits = (start + timedelta(seconds=step_seconds * index) for index in range(count))
        self.mediawiki.wiki.add(title, tuple(Added(int(edit.timestamp()), 1, "added") for edit in edits))

    # Responding

    def handle(self, request: Request) -> tuple[Response, list[Fault]]:
        """The response with its faults applied, and the faults, whose wire part is still to come."""
        with self._lock:
            self.requests.append(request)
            faults = [fault for fault in self.faults if fault.take(request)]
        with self._place_in_line(request) as admitted:
            # Waiting belongs inside the line: a slow response holds up those behind it.
            if not admitted:
                return self._turned_away(request), []
            self.pause(sum(fault.delay for fault in faults))
            return self._response(request, faults), faults

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than the sandbox lives."""
        self._stopping.wait(seconds)

    def _response(self, request: Request, faults: list[Fault]) -> Response:
        replacements = [response for fault in faults if (response := fault.replacement()) is not None]
        response = replacements[0] if replacements else self._route(request)
        for fault in faults:
            response = fault.edit(response)
        return response

    def _route(self, request: Request) -> Response:
        if request.path in OpenMeteo.PATHS:
            return self.open_meteo.answer(request)
        if request.path == MediaWiki.PATH:
            return self.mediawiki.answer(request)
        if request.path in ("/", "/health"):
            return Response.text(NOTICE)
        return error("Not Found", 404)

    def _place_in_line(self, request: Request) -> AbstractContextManager[bool]:
        if request.path in OpenMeteo.PATHS and self.open_meteo.is_limited(request):
            return self.open_meteo.queue.place()
        if request.path == MediaWiki.PATH and self.mediawiki.limits:
            return self.mediawiki.queue.place()
        return nullcontext(True)

    def _turned_away(self, request: Request) -> Response:
        if request.path == MediaWiki.PATH:
            return self.mediawiki.too_many(1)
        return error("Too many concurrent requests", 429)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The parent looks its own name up in the DNS, which can take seconds where there is none.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is not news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends kept-alive connections, which would otherwise be served after the stop."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: `Sandbox.requests` has them all."""

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        if self.command == "POST":
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin-1")
            query = "&".join(filter(None, (query, form)))
        return Request(self.command, path, query, self.headers)

    def _respond(self) -> None:
        response, faults = self.server.sandbox.handle(self._request())
        body = response.body
        for fault in faults:
            if fault.truncate_at is not None:
                body = body[: fault.truncate_at]
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        drop = next((fault.drop_at for fault in faults if fault.drop_at is not None), None)
        if self.command != "HEAD":
            self._send(body if drop is None else body[:drop], sum(fault.pace for fault in faults))
        if any(fault.reset for fault in faults):
            self._reset()
        self.close_connection = self.close_connection or drop is not None

    def _send(self, body: bytes, pace: float) -> None:
        for part in (body[at : at + 1] for at in range(len(body))) if pace else (body,):
            self.wfile.flush()
            self.server.sandbox.pause(pace)
            self.wfile.write(part)
        self.wfile.flush()

    def _reset(self) -> None:
        """Closes the connection without a farewell. A socket that is closed the usual way says goodbye first."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())

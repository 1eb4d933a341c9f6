"""Servers, on loopback unless told otherwise, that alerts and metrics are sent to: they keep what they are told."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Posted:
    """What was posted to a server at `url`: path and body of each request. It answers with `status`, once `gate` is open."""

    url: str
    status: int = 200
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies as Apprise's json:// writes them: title, message, type."""
        return [json.loads(body) for _, body in self.bodies]


@contextmanager
def http_server(host: str = "127.0.0.1") -> Iterator[Posted]:
    """A server that takes whatever is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            posted.gate.wait()
            self.send_response(posted.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer((host, 0), Handler) as server:
        posted = Posted(f"http://{host}:{server.server_port}")
        posted.gate.set()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield posted
        finally:
            posted.gate.set()
            server.shutdown()


@dataclass
class Mailbox:
    """The mail that arrived at 127.0.0.1:`port`: of each its subject and its text."""

    port: int = 0
    mails: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's own name for what it calls with each mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain",))
        self.mails.append((str(mail["Subject"]), body.get_content() if body else ""))
        return "250 OK"


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """A mail server that takes whatever comes."""
    mailbox = Mailbox()
    # It connects to its own port, so that it has to know it.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mailbox.port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()

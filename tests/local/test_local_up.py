"""`make up` on a machine that is busy."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from local import rest
from local.console import wait_until
from local.up import in_time


class BusyFirst(BaseHTTPRequestHandler):
    """Hangs up on the first requests, as one that does not answer in time; then Airflow's response."""

    left = 2

    def do_GET(self) -> None:
        if BusyFirst.left:
            BusyFirst.left -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "healthy"}')

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


def test_a_response_that_does_not_come_in_time_is_waited_for() -> None:
    with HTTPServer(("127.0.0.1", 0), BusyFirst) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            warm = in_time(lambda: rest.is_warm(f"http://127.0.0.1:{server.server_port}"))
            wait_until(warm, 20, lambda: "not in time")
        finally:
            server.shutdown()
            thread.join()
    assert BusyFirst.left == 0

"""`python -m sandbox`: serve until told to stop."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from sandbox.server import Sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Answers in place of both APIs.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument("--no-limits", action="store_true", help="without the services' rate limits")
    options = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(host=options.host, port=options.port, limits=not options.no_limits)
    except (OSError, OverflowError) as error:
        print(f"The sandbox cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox:
        print(f"The sandbox (invented data, no real API) listens on {sandbox.url}", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

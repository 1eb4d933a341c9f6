"""`python -m local up|down|demo|status`; see the Makefile."""

import io
import sys

from local.console import Failure, out
from local.settings import Paths

USAGE = "usage: python -m local up|down|demo|status"


def main(arguments: list[str]) -> int:
    """Exit code: 0 when it worked, 1 with a message on stderr when not, 2 for wrong arguments, 130 when interrupted."""
    paths = Paths()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    action = arguments[0] if arguments else ""
    if action == "exec":
        from local.supervisor import replace_this_process

        replace_this_process(arguments[1])
    # Every program starts through `exec`, and none needs these for that.
    import psycopg
    import urllib3

    try:
        return _run(action, paths)
    except Failure as failure:
        out.file.flush()
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except (
        urllib3.exceptions.HTTPError,
        ConnectionError,
        TimeoutError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
    ) as error:
        # It went away meanwhile: what does not answer at the start is told where it is asked.
        reason = " ".join(str(error).split())
        print(f"\nAirflow or its database does not answer: {reason}. `make status` shows what runs.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was started keeps running: `make down` ends it.", file=sys.stderr)
        return 130
    except Exception as error:
        # Not above: it takes a second to import where it is not the reason.
        from airflow_client.client.exceptions import ApiException

        from local import rest

        if not isinstance(error, ApiException):
            raise
        print(f"\nAirflow refused a request: {rest.reason(error)}", file=sys.stderr)
        return 1


def _run(action: str, paths: Paths) -> int:
    from local import demo, up

    if action == "up":
        up.up(paths)
        up.tell_address(paths)
        return 0
    if action == "down":
        return up.down(paths)
    if action == "status":
        return up.status(paths)
    if action == "demo":
        return demo.demo(paths)
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

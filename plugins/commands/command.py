"""What the commands share: how each is called, and how it waits."""

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from rich.console import Console

from include.command import carry_out, one_line, starting
from include.errors import Refused
from include.progress import Progress
from plugins.commands import metadata
from plugins.commands.metadata import Status

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 300
"""How long the metadata database may be away before waiting ends."""


def leave(name: str, command: Callable[[Namespace], int], args: Namespace) -> None:
    """Carries out a command and leaves with its exit code. Airflow's audit log shows it under the name of the function."""
    sys.exit(carry_out(name, lambda: _call(command, args)))


def _call(command: Callable[[Namespace], int], args: Namespace) -> int:
    try:
        # Before Airflow notes the command in its audit log, which it does not without a long warning when the database is down.
        metadata.check_database()
        from airflow.utils import cli

        _hush()
        metadata.find_stored_connections()
        decorate: Any = cli.action_cli(check_db=False)  # type: ignore[no-untyped-call]  # Airflow's, without types
        return int(decorate(command)(args))
    except Exception as error:
        if not metadata.is_unreachable(error):
            raise
        reason = one_line(getattr(error, "orig", error))
        raise Refused(f"Airflow's metadata database does not answer, `{starting()}` starts it: {reason}") from None


def _hush() -> None:
    """Airflow 3.3.2 logs two lines for each run it creates, to standard output."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def wait(console: Console, name: str, unit: str, look: Callable[[], Status]) -> Status:
    """Shows what `look` sees until that is over, and returns the last of it. A metadata database that restarts is waited for."""
    with Progress(console, unit) as progress:
        while True:
            status = _patiently(look)
            progress.show(name, status.counts, status.note)
            if status.is_over:
                return status
            time.sleep(POLL_SECONDS)


def _patiently(look: Callable[[], Status]) -> Status:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return look()
        except Exception as error:
            if not metadata.is_unreachable(error) or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def number(count: int, noun: str) -> str:
    """`1 window`, `3 windows`"""
    return f"{count} {noun}{'' if count == 1 else 's'}"

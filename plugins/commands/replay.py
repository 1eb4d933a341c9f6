"""The replay: refuse, start one run, wait, tell what it changed in core. Called with the arguments of plugins/commands/cli.py."""

import shlex
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.command import typed
from include.errors import Refused
from include.progress import new_console
from include.sources import SOURCES
from include.windows import Window, typed_range
from plugins.commands import metadata
from plugins.commands.command import leave
from plugins.commands.one_run import Changes, one_run


@dataclass(frozen=True)
class Request:
    """The source, the window, and the places or pages it is restricted to."""

    dag_id: str
    window: Window
    names: list[str]

    @property
    def conf(self) -> dict[str, Any]:
        """The parameters of the run."""
        names = {SOURCES[self.dag_id].subjects.names_param: self.names} if self.names else {}
        moments = {"start_date": self.window.start.isoformat(), "end_date": self.window.end.isoformat()}
        return {**moments, **names, "replay": True}


def replay(args: Namespace) -> None:
    """Leaves with the exit code."""
    leave("replay", cli_replay, args)


def cli_replay(args: Namespace) -> int:
    """The exit code."""
    console = new_console()
    request = read(args, datetime.now(UTC))
    metadata.check_startable(request.dag_id)
    console.print(f"Replaying the stored responses of {request.dag_id} for {request.window}", soft_wrap=True)
    return one_run(console, request.dag_id, request.conf, _told, again(args))


def _told(changes: Changes) -> str:
    responses, offered, changed = changes
    return f"Replayed {responses:,} stored responses: {changed:,} of {offered:,} rows changed in core."


def read(args: Namespace, now: datetime) -> Request:
    """What the arguments ask for. Refused when that is of no source; BadWindow for dates that cannot be."""
    if args.dag_id not in SOURCES:
        raise Refused(f"{args.dag_id} is not a source whose responses are stored: {', '.join(sorted(SOURCES))}")
    first, last = typed_range(args.start_date, args.end_date, now)
    return Request(args.dag_id, Window(first, last + timedelta(seconds=1)), args.only)


def again(args: Namespace) -> str:
    """The command as it was typed."""
    dates = [("-s", args.start_date), ("-e", args.end_date)]
    options = [(flag, value) for flag, value in (*dates, *(("--only", name) for name in args.only)) if value]
    return typed(
        shlex.join(["airflow", "dags", "replay", args.dag_id, *(word for option in options for word in option)])
    )

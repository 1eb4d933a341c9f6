"""What Airflow's command line knows of the commands before they are called: their names and arguments."""

from typing import Any

BACKFILL = """Runs a DAG for every window of its schedule between two dates, both inclusive, and waits for the runs.

Windows that have a run are left alone, unless --rerun-failed-tasks or --reset-dagruns is given.
Exit code: 0 all runs succeeded, 1 some failed, 2 refused, 130 stopped waiting (the backfill goes on)."""

REPLAY = """Rebuilds core between two dates, both inclusive, from the responses that raw holds, as after the correction of a
transform: one run of the DAG of a source. Waits for it and says what has changed. The service is not asked.

Exit code: 0 the run succeeded, 1 it failed, 2 refused, 130 stopped waiting (the run goes on)."""

SWITCHES = {
    ("--dry-run",): "List the windows that would run, create nothing",
    ("--rerun-failed-tasks",): "Run windows whose run failed again: the whole run, not only its failed tasks",
    ("--reset-dagruns",): "Run windows that have a run again, whether it failed or succeeded",
    ("-B", "--run-backwards"): "Begin with the latest window",
    ("--as-one-run",): "One run for all of it, loaded in a fraction of the time, also where windows have a run",
    ("--no-wait",): "Return once the backfill is created; --attach waits for it later",
    ("--attach",): "Create nothing, wait for the backfill that is active, else tell how the last one ended",
    ("-y", "--yes"): "Do not ask before runs are reset",
}


def add_commands() -> None:
    """Adds them to the group `dags`, but for one whose name a later Airflow has taken."""
    # Airflow 3.3.2 has no public way to add a command to one of its own groups: the group is replaced by a copy that has it.
    from airflow.cli.cli_config import GroupCommand, core_commands

    for index, group in enumerate(core_commands):
        if isinstance(group, GroupCommand) and group.name == "dags":
            taken = {command.name for command in group.subcommands}
            ours = [command for command in (_backfill(), _replay()) if command.name not in taken]
            core_commands[index] = group._replace(subcommands=(*group.subcommands, *ours))
            return


def _backfill() -> Any:
    config = _config()
    return config.ActionCommand(
        name="backfill",
        help="Run a DAG for every window of its schedule between two dates",
        description=BACKFILL,
        func=config.lazy_load_command("plugins.commands.backfill.backfill"),
        args=(
            config.ARG_DAG_ID,
            *_dates("logical date"),
            config.Arg(("-c", "--conf"), help="JSON object with parameters of every run"),
            config.Arg(
                ("--max-active-runs",),
                type=config.positive_int(allow_zero=False),
                help="Runs at the same time. Default: the DAG's own max_active_runs",
            ),
            *(config.Arg(flags, help=text, action="store_true") for flags, text in SWITCHES.items()),
        ),
    )


def _replay() -> Any:
    config = _config()
    only = "A place or page, and no other; may be repeated"
    return config.ActionCommand(
        name="replay",
        help="Rebuild core between two dates from the stored responses",
        description=REPLAY,
        func=config.lazy_load_command("plugins.commands.replay.replay"),
        args=(
            config.ARG_DAG_ID,
            *_dates("moment"),
            config.Arg(("--only",), help=only, action="append", default=[], metavar="NAME"),
        ),
    )


def _dates(what: str) -> tuple[Any, Any]:
    date = "A date or datetime of ISO 8601, UTC unless it names its offset"
    default = "Default: the other one of the two"
    Arg = _config().Arg
    return (
        Arg(("-s", "--start-date"), help=f"First {what}. {date}. {default}"),
        Arg(("-e", "--end-date"), help=f"Last {what}, inclusive. {date}; a date means its whole day. {default}"),
    )


def _config() -> Any:
    from airflow.cli import cli_config

    return cli_config  # as Any: its Arg has no type hints

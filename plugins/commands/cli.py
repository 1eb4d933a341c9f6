"""What Airflow's command line knows of the command before it is called: its name and its arguments."""

from typing import Any

DESCRIPTION = """Runs a DAG for every window of its schedule between two dates, both inclusive, and waits for the runs.

Windows that have a run are left alone, unless --rerun-failed-tasks or --reset-dagruns is given.
Exit code: 0 all runs succeeded, 1 some failed, 2 refused, 130 stopped waiting (the backfill goes on)."""

SWITCHES = {
    ("--dry-run",): "List the windows that would run, create nothing",
    ("--rerun-failed-tasks",): "Run windows whose run failed again: the whole run, not only its failed tasks",
    ("--reset-dagruns",): "Run windows that have a run again, whether it failed or succeeded",
    ("-B", "--run-backwards"): "Begin with the latest window",
    ("--no-wait",): "Return once the backfill is created; --attach waits for it later",
    ("--attach",): "Create nothing, wait for the backfill that is active, else tell how the last one ended",
    ("-y", "--yes"): "Do not ask before runs are reset",
}


def add_command() -> None:
    """Adds `backfill` to the group `dags`, unless a later Airflow has a command of that name."""
    # Airflow 3.3.2 has no public way to add a command to one of its own groups: the group is replaced by a copy that has it.
    from airflow.cli.cli_config import GroupCommand, core_commands

    for index, group in enumerate(core_commands):
        if isinstance(group, GroupCommand) and group.name == "dags":
            if all(command.name != "backfill" for command in group.subcommands):
                core_commands[index] = group._replace(subcommands=(*group.subcommands, _command()))
            return


def _command() -> Any:
    from airflow.cli import cli_config

    config: Any = cli_config  # its Arg has no type hints
    date = "A date or a datetime of ISO 8601; a date as the end means its whole day. Default: the other one of the two"
    return config.ActionCommand(
        name="backfill",
        help="Run a DAG for every window of its schedule between two dates",
        description=DESCRIPTION,
        func=config.lazy_load_command("plugins.commands.backfill.backfill"),
        args=(
            config.ARG_DAG_ID,
            config.Arg(("-s", "--start-date"), help=f"First logical date. {date}"),
            config.Arg(("-e", "--end-date"), help=f"Last logical date, inclusive. {date}"),
            config.Arg(("-c", "--conf"), help="JSON object with parameters of every run"),
            config.Arg(
                ("--max-active-runs",),
                type=config.positive_int(allow_zero=False),
                help="Runs at the same time. Default: the DAG's own max_active_runs",
            ),
            *(config.Arg(flags, help=text, action="store_true") for flags, text in SWITCHES.items()),
        ),
    )

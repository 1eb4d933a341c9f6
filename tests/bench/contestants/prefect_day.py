"""The day as a flow of Prefect 3, each step a task.

`serve`: as a deployment whose runs are asked for by Prefect's REST API, and get a process each. Without: in this process, which is
warm, a run for each line of the input.
"""

import sys

from prefect import flow, task

from tests.bench.contestants import steps

fetch, parse, audit, upsert, refresh = (
    task(step) for step in (steps.fetch, steps.parse, steps.audit, steps.upsert, steps.refresh)
)


def load_day(api: str, database: str, places: list[tuple[str, str]], day: str) -> None:
    """All steps."""
    hours = parse(fetch(api, places, day))
    audit(hours, len(places))
    upsert(database, hours)
    refresh(database)


day = flow(name="day")(load_day)


def main() -> None:
    """Runs until the input ends, or the process."""
    if sys.argv[1:] == ["serve"]:
        day.serve(name="bench")
    else:
        for line in sys.stdin:
            day(**steps.told(line))


if __name__ == "__main__":
    main()

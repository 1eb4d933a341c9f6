"""The day as a plain script: a process from its start to its end."""

import sys

from tests.bench.contestants import steps


def main() -> None:
    """All steps."""
    given = steps.told(sys.argv[1])
    hours = steps.parse(steps.fetch(given["api"], given["places"], given["day"]))
    steps.audit(hours, len(given["places"]))
    steps.upsert(given["database"], hours)
    steps.refresh(given["database"])


if __name__ == "__main__":
    main()

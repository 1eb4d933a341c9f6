"""`make bench`: the measured parts of docs/benchmarks.md and docs/benchmarks.json.

`make bench B="warehouse day"` measures some parts; with `--quick` among them it is only tried whether they run, with a fraction of
the rows and one round, and nothing is written.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic

from include.errors import WarehouseError
from local.install import InstallError
from tests.bench import airflow, dashboards, day, scale, warehouse
from tests.bench.figures import Table
from tests.bench.machine import this_machine, versions
from tests.bench.report import Measured, markdown, write

PARTS: dict[str, Callable[[bool], list[Table]]] = {
    "warehouse": warehouse.measure,
    "day": day.measure,
    "airflow": airflow.measure,
    "scale": scale.measure,
    "dashboards": dashboards.measure,
}
"""In the order in which they run. Each gets whether it is to be quick, and has a section of its own in docs/benchmarks.md."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures parts in turn and writes each when it is done; exit code 1, with a message, where one cannot be."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measures parts of docs/benchmarks.md anew.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}; without, all of them")
    parser.add_argument("--quick", action="store_true", help="with few rows, once; nothing is written")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}, there are {', '.join(PARTS)}")
    machine = this_machine()
    print(machine, flush=True)
    for part in options.parts or PARTS:
        print(f"\n{part} ...", file=sys.stderr, flush=True)
        began = monotonic()
        try:
            tables = PARTS[part](options.quick)
            measured = Measured(part, tables, datetime.now(UTC).date(), machine, versions(), monotonic() - began)
            print(f"\n{markdown(measured)}", flush=True)
            if not options.quick:
                write(measured)
        except (WarehouseError, InstallError) as error:
            print(f"\n{part}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

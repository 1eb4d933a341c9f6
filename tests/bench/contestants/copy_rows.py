"""COPY: the limit. It gets rows that are prepared: the lines of a CSV file, in memory."""

import csv
import io
import json
from time import perf_counter

import psycopg

from tests.bench.contestants.responses import COLUMNS, bodies, rows, task


def main() -> None:
    """Copies all loads, each in a transaction."""
    given = task()
    files = []
    for number, body in enumerate(bodies(given["bodies"]), start=1):
        file = io.StringIO()
        csv.writer(file).writerows(rows(body, number))
        files.append(file.getvalue())
    seconds = 0.0
    with psycopg.connect(given["database"]) as connection:
        for text in files:
            began = perf_counter()
            with connection.cursor().copy(
                f"COPY contestant.weather ({', '.join(COLUMNS)}) FROM STDIN (FORMAT csv)"
            ) as copy:
                copy.write(text)
            connection.commit()
            seconds += perf_counter() - began
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()

"""Row by row: an upsert a row, as a loop over a response writes them. It gets rows that are prepared, and some of them only."""

import json
from itertools import islice
from time import perf_counter

import psycopg

from tests.bench.contestants.responses import COLUMNS, KEY, bodies, rows, task


def main() -> None:
    """Upserts the first rows, all in one transaction: a commit a row would be slower still."""
    given = task()
    prepared = list(islice(rows(bodies(given["bodies"])[0], 1), given["rows"]))
    others = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column not in KEY)
    upsert = (
        f"INSERT INTO contestant.weather ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))}) "
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {others}"
    )
    with psycopg.connect(given["database"]) as connection:
        began = perf_counter()
        for row in prepared:
            connection.execute(upsert, row)
        connection.commit()
        seconds = perf_counter() - began
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()

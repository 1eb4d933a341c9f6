"""dlt: a resource that yields each body, merged by key with the strategy upsert. It gets the bodies.

Its usual form yields a dict a row; its fastest one a table of Arrow, which goes to PostgreSQL by way of CSV and COPY.
"""

import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import dlt
import pyarrow

from tests.bench.contestants.pandas_upsert import frame
from tests.bench.contestants.responses import COLUMNS, KEY, bodies, rows, task


def tables(body: str, load_id: int) -> Iterator[Any]:
    """The hours of a body as one table."""
    yield pyarrow.Table.from_pandas(frame(body, load_id), preserve_index=False)


def dicts(body: str, load_id: int) -> Iterator[list[dict[str, Any]]]:
    """The hours of a body as a list of dicts, which spares a call a row."""
    yield [dict(zip(COLUMNS, row, strict=True)) for row in rows(body, load_id)]


def main() -> None:
    """Merges the loads, each in a run of the pipeline."""
    given = task()
    read, form = {"tables": (tables, {"loader_file_format": "csv"}), "dicts": (dicts, {})}[given["form"]]
    # dlt insists on a host and a password in their usual places; PostgreSQL goes by the socket that the query names. It would make
    # a unique index on a column of its own, which a partitioned table cannot have.
    address = given["database"].replace("@/", ":none@localhost/")
    pipeline = dlt.pipeline(
        pipeline_name="weather",
        pipelines_dir="pipelines",
        dataset_name="contestant",
        destination=dlt.destinations.postgres(address, create_indexes=False),
    )
    merge = {"disposition": "merge", "strategy": "upsert"}
    texts, seconds = bodies(given["bodies"])[: given["loads"]], 0.0
    for number, body in enumerate(texts, start=1):
        began = perf_counter()
        hours = dlt.resource(read(body, number), name="weather", primary_key=KEY, write_disposition=merge)
        pipeline.run(hours, **form)
        seconds += perf_counter() - began
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()

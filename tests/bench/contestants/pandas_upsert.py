"""pandas: a frame of each body by to_sql into a table beside, then one upsert. It gets the bodies."""

import json
from time import perf_counter

import pandas
import sqlalchemy

from tests.bench.contestants.responses import KEY, VARIABLES, bodies, task

COLUMNS = [*KEY, *VARIABLES.values(), "raw_id", "load_id"]


def frame(body: str, load_id: int) -> pandas.DataFrame:
    """The hours of a body, whole columns at a time."""
    places = []
    for location_id, place in enumerate(json.loads(body), start=1):
        hours = pandas.DataFrame(place["hourly"]).rename(columns=VARIABLES)
        hours["observed_at"] = pandas.to_datetime(hours.pop("time"), utc=True)
        hours["wind_speed_mps"] = (hours["wind_speed_mps"] / 3.6).round(3)
        places.append(hours.assign(location_id=location_id, raw_id=load_id * 100 + location_id, load_id=load_id))
    return pandas.concat(places)[COLUMNS]


def main() -> None:
    """Upserts all loads, each in a transaction."""
    given = task()
    others = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column not in KEY)
    listed = ", ".join(COLUMNS)
    upsert = sqlalchemy.text(
        f"INSERT INTO contestant.weather ({listed}) SELECT {listed} FROM contestant.staged "
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {others}"
    )
    address = given["database"].replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(address)
    texts, seconds = bodies(given["bodies"]), 0.0
    for number, body in enumerate(texts, start=1):
        began = perf_counter()
        with engine.begin() as connection:
            frame(body, number).to_sql(
                "staged", connection, schema="contestant", if_exists="replace", index=False, chunksize=10_000
            )
            connection.execute(upsert)
        seconds += perf_counter() - began
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()

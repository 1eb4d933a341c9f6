"""The daily rollup of weather where something other than a load changed what it is made of."""

from include.warehouse import Connection, run

PLACES_AT_ONCE = 100
"""Publishes wait while their place is rolled up: each transaction locks as many places as a load has at most."""


def roll_up_due_days(connection: Connection) -> None:
    """Makes core.weather_daily anew of all that is due; what is done stays, also when this is killed. Needs autocommit."""
    _note_changed_partitions(connection)
    while _roll_up_some_places(connection):
        pass


def _note_changed_partitions(connection: Connection) -> None:
    with connection.transaction():
        if changed := run(connection, "weather/note_changed_partitions.sql").fetchall():
            first_hours, end_hours = zip(*changed, strict=True)
            hours = {"first_hours": list(first_hours), "end_hours": list(end_hours)}
            run(connection, "weather/note_hours_of_all_places.sql", hours)


def _roll_up_some_places(connection: Connection) -> bool:
    with connection.transaction():
        locked = run(connection, "weather/lock_due_places.sql", {"at_once": PLACES_AT_ONCE}).fetchall()
        if locked:
            run(connection, "weather/take_due_days.sql", {"location_ids": [row[0] for row in locked]})
            run(connection, "weather/roll_up_days.sql")
    return bool(locked)

"""Warehouses that were begun before 1.0: their numbered migrations, 0001 to 0013, end at the baseline that new ones begin with.

This module and sql/schema/before_1_0 can go with 2.0, when CHANGELOG.md tells who still has such a warehouse to migrate it with
the last 1.x first.
"""

from include.warehouse import SQL_FOLDER, Connection

STEPS = {path.name[:4]: path for path in sorted((SQL_FOLDER / "schema" / "before_1_0").glob("*.sql"))}
"""What was a migration each, by its number, and last what makes the baseline of them."""


def bring_to_baseline(connection: Connection) -> None:
    """Takes the steps that a warehouse of before 1.0 has before it; leaves any other alone, also an empty one."""
    *former, baseline = STEPS
    found = connection.execute("SELECT version_num FROM audit.schema_version").fetchone()
    if found and found[0] in former:
        for number in STEPS:
            if number > found[0]:
                connection.execute(STEPS[number].read_text(encoding="utf-8"))
        connection.execute("UPDATE audit.schema_version SET version_num = %s", [baseline])

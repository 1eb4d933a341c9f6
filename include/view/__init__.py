"""What the page "Warehouse" in Airflow's web UI shows: read as dw_reader, bounded, and shaped for people and programs alike.

Moments are in UTC. The page itself, and who may see it, is plugins/view.
"""

from typing import Any, TypeVar

from psycopg.rows import class_row
from pydantic import BaseModel

from include.warehouse import Connection, statement

Model = TypeVar("Model", bound=BaseModel)


def read(connection: Connection, name: str, model: type[Model], parameters: dict[str, Any]) -> list[Model]:
    """The rows of the statement file `name`, each as a `model` with a field for each column."""
    with connection.cursor(row_factory=class_row(model)) as cursor:
        return cursor.execute(statement(name), parameters).fetchall()

"""Replays: loads made of the responses that raw already holds."""

from include.errors import LoadError
from include.loads import Load, finish_extraction
from include.source import Source
from include.warehouse import Connection, run


def replay_responses(connection: Connection, source: Source, load: Load) -> int:
    """Finishes the extraction of a replay without asking anybody: notes the stored responses it is made of, and returns how many.

    Raises LoadError when there is none.
    """
    parameters = {"load_id": load.load_id}
    with connection.transaction():
        run(connection, "ops/lock_planned_load.sql", parameters)
        row = run(connection, source.statement("stored_responses"), parameters).fetchone()
        assert row is not None
        responses, subjects = row
        if not responses:
            raise LoadError(
                f"{source.name}: {source.raw_table} holds no complete response to replay for {subjects}; window {load.window}",
                "run the window without replay first, which asks the service",
            )
        finish_extraction(connection, load, responses)
    return int(responses)

"""Alembic's environment: one transaction, one migration at a time, psycopg 3."""

import psycopg
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from include.schema.before_1_0 import bring_to_baseline

config = context.config
# A creator keeps libpq's own reading of the URL: SQLAlchemy's does not know a percent-encoded socket directory.
engine = create_engine(
    "postgresql+psycopg://", creator=lambda: psycopg.connect(config.attributes["owner_url"]), poolclass=NullPool
)

with engine.connect() as connection:
    # Held to the end of the transaction: of two migrations at once the second waits, then finds nothing to do.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('dw schema migration'))")
    connection.exec_driver_sql("SET client_min_messages = warning")
    connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS audit")
    driver = connection.connection.driver_connection
    assert driver is not None
    bring_to_baseline(driver)
    context.configure(connection=connection, version_table="schema_version", version_table_schema="audit")
    with context.begin_transaction():
        context.run_migrations()
    config.attributes["revision"] = context.get_context().get_current_revision()
    connection.commit()

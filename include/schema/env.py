"""Alembic's environment: one transaction, one migration at a time, psycopg 3."""

import psycopg
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from include.schema.before_1_0 import bring_to_baseline
from include.warehouse import run

config = context.config
# A creator keeps libpq's own reading of the URL: SQLAlchemy's does not know a percent-encoded socket directory.
engine = create_engine(
    "postgresql+psycopg://", creator=lambda: psycopg.connect(config.attributes["owner_url"]), poolclass=NullPool
)

with engine.connect() as connection:
    connection.exec_driver_sql("SET client_min_messages = warning")
    driver = connection.connection.driver_connection
    assert driver is not None
    run(driver, "ops/lock_schema.sql")
    bring_to_baseline(driver)
    context.configure(connection=connection, version_table="schema_version", version_table_schema="audit")
    with context.begin_transaction():
        context.run_migrations()
    config.attributes["revision"] = context.get_context().get_current_revision()
    connection.commit()

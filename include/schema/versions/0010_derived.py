from alembic import op

from include.schema import sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # Straight through psycopg: SQLAlchemy would take the % of format for placeholders.
    op.get_bind().connection.cursor().execute(sql_file(__file__))

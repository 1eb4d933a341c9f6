from alembic import op

from include.schema import sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # Straight through psycopg: SQLAlchemy would take the % of RAISE for placeholders.
    op.get_bind().connection.cursor().execute(sql_file(__file__))

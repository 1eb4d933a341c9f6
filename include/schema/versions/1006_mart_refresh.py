from alembic import op

from include.schema import sql_file

revision = "1006"
down_revision = "1005"


def upgrade() -> None:
    # Straight through psycopg: SQLAlchemy would take a % for a placeholder.
    op.get_bind().connection.cursor().execute(sql_file(__file__))

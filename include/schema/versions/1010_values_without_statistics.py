from alembic import op

from include.schema import sql_file

revision = "1010"
down_revision = "1009"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(sql_file(__file__))

"""`make secrets`: writes .env.secrets, which the compose stack reads over .env. Python's standard library is enough.

Every secret of .env gets a random value, and a line of .env that uses one (an address of a database) is repeated with it.
"""

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

ENV = Path(__file__).resolve().parent.parent / ".env"
FILE = ENV.with_name(".env.secrets")
PASSWORDS = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "DW_OWNER_PASSWORD",
    "DW_LOADER_PASSWORD",
    "DW_READER_PASSWORD",
    "_AIRFLOW_WWW_USER_PASSWORD",
)
HEADER = """\
# Written by `make secrets`; never commit it. Read by the compose stack over .env. To change one: edit it here, a password in
# the address that has it too, then `docker compose up -d`, which sets the databases' passwords and the administrator's anew.
# Keep a copy of the Fernet key: without it the connections and variables stored in Airflow's database cannot be read.
"""


def fresh() -> dict[str, str]:
    """A random value for each secret, made of letters, digits, - and _ (the Fernet key ends in =)."""
    return {
        **{name: secrets.token_urlsafe(24) for name in PASSWORDS},
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__CELERY__FLOWER_BASIC_AUTH": f"airflow:{secrets.token_urlsafe(24)}",
    }


def filled_in(lines: list[str], values: dict[str, str]) -> list[str]:
    """Those of `lines` that use a value as ${NAME}, with the value in its place."""
    uses = re.compile(r"\$\{(" + "|".join(values) + r")\}")
    settings = [line for line in lines if not line.startswith("#") and uses.search(line)]
    return [uses.sub(lambda found: values[found[1]], line) for line in settings]


def write(file: Path, text: str) -> None:
    """A new file that only its owner can read; FileExistsError when it is there already."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)


def main() -> int:
    values = fresh()
    lines = [f"{name}={value}" for name, value in values.items()] + filled_in(ENV.read_text().splitlines(), values)
    try:
        write(FILE, HEADER + "\n".join(lines) + "\n")
    except FileExistsError:
        print(f"{FILE.name} exists and is left as it is; move it away to get new secrets.", file=sys.stderr)
        return 1
    print(f"{FILE.name} written: {len(values)} fresh secrets. `docker compose up -d` applies them.")
    print(f"Airflow's administrator: grep WWW_USER_PASSWORD {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make secrets`, on a copy of .env."""

import base64
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"PASSWORD|FERNET_KEY|_SECRET|SECRET_KEY|BASIC_AUTH|CONN")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    for name in (".env", "deploy/make_secrets.py"):
        shutil.copy(REPO / name, tmp_path / name)
    return tmp_path


def make_secrets(checkout: Path) -> "subprocess.CompletedProcess[str]":
    script = checkout / "deploy" / "make_secrets.py"
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True)


def settings(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_secret_of_the_settings_gets_a_value_of_its_own(checkout: Path) -> None:
    assert make_secrets(checkout).returncode == 0
    defaults, own = settings(checkout / ".env"), settings(checkout / ".env.secrets")
    named = {name for name in defaults if SECRET.search(name)} | {"AIRFLOW__CELERY__RESULT_BACKEND", "WAREHOUSE_URL"}
    assert named - {"DW_CONTAINER_PREFIX"} == set(own)
    assert [name for name, value in own.items() if value == defaults[name] or "${" in value] == []
    assert len(set(own.values())) == len(own)
    assert f":{own['DW_OWNER_PASSWORD']}@postgres/dw" in own["WAREHOUSE_URL"]
    assert len(base64.urlsafe_b64decode(own["AIRFLOW__CORE__FERNET_KEY"])) == 32


def test_the_file_is_its_owners_and_is_never_overwritten(checkout: Path) -> None:
    make_secrets(checkout)
    file = checkout / ".env.secrets"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    again = make_secrets(checkout)
    assert (again.returncode, file.read_text()) == (1, before)
    assert "exists and is left as it is" in again.stderr


def test_no_secret_is_printed(checkout: Path) -> None:
    answer = make_secrets(checkout)
    assert [
        value for value in settings(checkout / ".env.secrets").values() if value in answer.stdout + answer.stderr
    ] == []


def test_git_ignores_the_file_and_the_image_leaves_it_out() -> None:
    assert ".env.secrets" in (REPO / ".gitignore").read_text().splitlines()
    rules = (REPO / ".dockerignore").read_text().splitlines()
    assert "*" in rules
    assert [rule for rule in rules if rule.startswith("!") and "env" in rule] == []


def test_every_setting_is_explained() -> None:
    block = ""
    for line in (REPO / ".env").read_text().splitlines():
        block = line if line.startswith("#") or not line else block
        assert not line or block.startswith("# "), line

"""Precedence of settings, through real shells: what the user gives wins, what .local/env once set does not count."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local import airflow, environment, postgres, up
from local.console import Failure
from local.settings import Paths, Remembered

SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]
CLEAN = {"PATH": os.environ["PATH"]}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    repo = tmp_path / "a $HOME 'quoted' check out"
    (repo / ".local").mkdir(parents=True)
    return Paths(repo)


def write(paths: Paths, apis: str = "sandbox", ports: tuple[int, int] = (8080, 8090)) -> None:
    ours = environment.defaults(paths.state / "postgres", apis, "2026-01-31", ports)
    paths.env_file.write_text(environment.shell_file(paths, ours, paths.repo / "pg bin"))


def source(shell: str, *files: Path, before: str = "", between: str = "") -> dict[str, str]:
    """The environment of a shell after it sourced the files one after the other."""
    sourcing = f"\n{between}\n".join(f'. "{file}"'.replace("$", "\\$") for file in files)
    command = [shell, "-c", f"set -u\n{before}\n{sourcing}\nenv -0"]
    answer = subprocess.run(command, env=CLEAN, capture_output=True, text=True)
    assert not answer.stderr
    return dict(entry.split("=", 1) for entry in answer.stdout.split("\0") if entry)


@pytest.mark.parametrize("shell", SHELLS)
def test_defaults_reach_the_shell_unharmed(shell: str, paths: Paths) -> None:
    write(paths, "real")
    env = source(shell, paths.env_file)
    assert json.loads(env["AIRFLOW_CONN_MEDIAWIKI"])["host"] == "https://{language}.wikipedia.org"
    assert json.loads(env["AIRFLOW_CONN_WAREHOUSE"])["extra"]["host"] == str(paths.state / "postgres")
    assert env["AIRFLOW_HOME"] == str(paths.airflow)
    assert str(paths.repo / "pg bin") in env["PATH"].split(":")
    assert env["PYTHONPATH"].split(":") == [str(paths.repo), str(paths.repo / "config")]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_setting_of_the_user_wins(shell: str, paths: Paths) -> None:
    write(paths)
    env = source(shell, paths.env_file, before="export DW_START_DATE=2020-02-02 AIRFLOW_CONN_OPEN_METEO='http://mine'")
    assert env["DW_START_DATE"] == "2020-02-02"
    assert env["AIRFLOW_CONN_OPEN_METEO"] == "http://mine"
    user = environment.given(env)
    assert user["DW_START_DATE"] == "2020-02-02"
    assert "AIRFLOW_CONN_MEDIAWIKI" not in user


@pytest.mark.parametrize("shell", SHELLS)
def test_an_empty_setting_of_the_user_wins_too(shell: str, paths: Paths) -> None:
    write(paths)
    assert source(shell, paths.env_file, before="export DW_START_DATE=")["DW_START_DATE"] == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_again_takes_over_new_defaults(shell: str, paths: Paths) -> None:
    write(paths, ports=(8080, 8090))
    old = paths.env_file.rename(paths.state / "old env")
    write(paths, ports=(8081, 8095))
    env = source(shell, old, paths.env_file, between="export DW_START_DATE=2021-03-03")
    assert env["DW_AIRFLOW_URL"] == "http://127.0.0.1:8081"
    assert "8095" in env["AIRFLOW_CONN_OPEN_METEO"]
    assert env["DW_START_DATE"] == "2021-03-03"
    assert env["PATH"].split(":").count(str(paths.repo / "pg bin")) == 1


def test_make_up_in_a_shell_that_sourced_the_file_uses_fresh_defaults(paths: Paths) -> None:
    write(paths, "sandbox")
    inherited = source("sh", paths.env_file)
    ours = environment.defaults(paths.state / "postgres", "real", "2026-01-31", (8080, 8090))
    assert "https://api.open-meteo.com" in environment.for_processes(inherited, ours, {})["AIRFLOW_CONN_OPEN_METEO"]


def test_own_connections_need_no_sandbox() -> None:
    assert environment.choose_apis(dict.fromkeys(environment.api_connections("real", 0), "http://mine"))[0] == "real"


def test_sandbox_and_real_are_taken_at_their_word() -> None:
    assert environment.choose_apis({"DW_APIS": "sandbox"})[0] == "sandbox"
    assert environment.choose_apis({"DW_APIS": "REAL"})[0] == "real"


def test_unknown_apis_are_refused() -> None:
    with pytest.raises(Failure, match="DW_APIS=prod"):
        environment.choose_apis({"DW_APIS": "prod"})


def test_unreachable_services_mean_the_sandbox() -> None:
    apis, why = environment.choose_apis({"HTTPS_PROXY": "http://127.0.0.1:1"})
    assert (apis, "cannot be reached" in why) == ("sandbox", True)


def test_all_programs_listen_on_loopback(paths: Paths) -> None:
    ours = airflow.own(paths, Remembered("", "", "", "", ""), 8080)
    assert ours["api"]["host"] == "127.0.0.1"
    # These would serve logs on all addresses, to the API server, which reads the files itself.
    assert all("--skip-serve-logs" in airflow.command(name) for name in ("scheduler", "triggerer"))
    sandbox = up.sandbox_program(paths, {}, 8090).argv
    assert sandbox[sandbox.index("--host") + 1] == "127.0.0.1"
    assert postgres.SETTINGS["listen_addresses"] == ""

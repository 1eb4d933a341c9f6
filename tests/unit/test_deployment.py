"""The ways to run it agree: what stands once for all of them is set nowhere else, and the image holds what it needs only."""

import re
from typing import Any

import yaml
from airflow.configuration import conf

from include.settings import read_settings
from include.sources import SOURCES
from local.airflow import own, settings, tuned
from local.settings import Paths, Remembered
from tests.unit.support import REPO

TUNED = REPO / "config" / "airflow.env"
DOTENV = (REPO / ".env").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((REPO / "docker-compose.yaml").read_text(encoding="utf-8"))
CHOSEN = Remembered("fernet", "jwt", "secret", "password", "2026-11-01")
HELM = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (REPO / "deploy" / "helm").glob("*.yaml")
}


def options(sections: dict[str, Any]) -> set[tuple[str, str]]:
    return {(section, option) for section, found in sections.items() for option in found}


def of_environment(names: Any) -> set[tuple[str, str]]:
    """The options that variables of these names set."""
    found = (re.fullmatch(r"AIRFLOW__(\w+?)__(\w+)", name) for name in names)
    return {(match[1].lower(), match[2].lower()) for match in found if match}


def test_each_tuned_value_is_an_option_of_airflow_and_differs_from_its_default() -> None:
    known = conf.configuration_description
    for section, values in tuned(TUNED).items():
        for option, value in values.items():
            assert value.lower() != str(known[section]["options"][option]["default"]).lower(), (section, option)


def test_docker_kubectl_and_the_local_run_read_the_same_lines() -> None:
    lines = [line for line in TUNED.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]
    assert [line for line in lines if not re.fullmatch(r"AIRFLOW__[A-Z_]+=[\w.]+", line)] == []
    assert len(options(tuned(TUNED))) == len(lines)


def test_what_is_tuned_is_set_nowhere_else() -> None:
    shared = options(tuned(TUNED))
    services = of_environment(
        name for service in COMPOSE["services"].values() for name in service.get("environment", {})
    )
    dotenv = of_environment(re.findall(r"(?m)^(AIRFLOW__\w+)=", DOTENV))
    charts = {found for values in HELM.values() for found in options(values.get("config", {}))}
    ours = options(own(Paths(REPO), CHOSEN, 8080))
    assert services and dotenv and charts and ours
    assert (services | dotenv | charts | ours) & shared == set()


def test_each_way_to_run_it_reads_the_tuned_values() -> None:
    read = options(settings(Paths(REPO), CHOSEN, 8080))
    assert read > options(tuned(TUNED))
    for name, service in COMPOSE["services"].items():
        if name.startswith("airflow-"):
            assert service["env_file"][0] == "config/airflow.env", name  # those after it win
    names = [next(iter(found.values()))["name"] for found in yaml.safe_load(HELM["common"]["extraEnvFrom"])]
    assert names == ["dw-airflow", "dw-settings"]
    assert "kubectl create configmap dw-airflow --from-env-file=config/airflow.env" in (
        REPO / "docs" / "deploy.md"
    ).read_text(encoding="utf-8")


def test_the_image_holds_what_is_deployed_and_no_fault_injection() -> None:
    copied = re.findall(r"(?m)^COPY (?:--\S+ )*(.+) \S+$", (REPO / "Dockerfile").read_text(encoding="utf-8"))
    named = {word for words in copied for word in words.split()}
    rules = (REPO / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == named
    assert named == {
        *("LICENSE", "NOTICE", "requirements.txt"),
        *("config", "dags", "deploy/init", "include", "plugins", "sql"),
    }


class Asked(dict[str, str]):
    """An environment that is empty, and keeps what it was asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        self[name] = ""
        return default


def test_the_shells_value_of_a_setting_reaches_the_containers_and_else_the_default() -> None:
    shown = {name: (asked, value) for name, asked, value in re.findall(r"(?m)^(\w+)=\$\{(\w+)-(.*)\}$", DOTENV)}
    settings = Asked()
    defaults = read_settings(settings)
    assert set(re.findall(r"(?m)^(\w+)=", DOTENV)) & set(settings) == set(shown) & set(settings)
    assert {name for name, (asked, _) in shown.items() if asked != name} == set()
    assert read_settings({name: value for name, (_, value) in shown.items()}) == defaults
    for name, service in COMPOSE["services"].items():
        if name.startswith("airflow-"):
            assert ".env" in service["env_file"], name
            assert set(service["environment"]) & set(settings) == set(), name


def test_no_source_is_named_where_it_is_deployed() -> None:
    """What a source needs there follows from the registry; deploy/citus is about the tables that it distributes."""
    words = {word for source in SOURCES.values() for word in (source.name, source.pool, *source.connections)}
    deployed = (path for path in (REPO / "deploy").rglob("*.*") if path.suffix != ".pyc" and path.parts[-2] != "citus")
    files = [REPO / "docker-compose.yaml", *deployed]
    assert len(files) > 5
    for file in files:
        named = set(re.findall(r"[a-z][a-z_]*[a-z]", file.read_text(encoding="utf-8").lower()))
        assert named & words == set(), file

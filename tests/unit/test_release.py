"""A release has one number, wherever it stands."""

import re
import tomllib

import yaml

from tests.unit.support import REPO

VERSION = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
TAG = re.compile(r"\bdw-local-free:(\d[\w.]*)")


def test_the_version_is_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


def test_the_newest_heading_of_the_changelog_is_the_version() -> None:
    text = (REPO / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\] - \d{4}-\d\d-\d\d$", text, re.M)
    assert headings[0] == VERSION
    assert f"\n[{VERSION}]: " in text  # what the heading links to


def test_the_image_of_the_compose_stack_has_the_version_as_its_tag() -> None:
    settings = (REPO / ".env").read_text(encoding="utf-8")
    services = yaml.safe_load((REPO / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    assert re.findall(r"^AIRFLOW_IMAGE_NAME=(.*)$", settings, re.M) == [f"dw-local-free:{VERSION}"]
    assert services["airflow-init"]["image"] == f"${{AIRFLOW_IMAGE_NAME:-dw-local-free:{VERSION}}}"


def test_the_chart_asks_for_the_image_that_the_documents_build() -> None:
    values = yaml.safe_load((REPO / "deploy" / "helm" / "common.yaml").read_text(encoding="utf-8"))
    assert values["defaultAirflowTag"] == VERSION
    named = TAG.findall((REPO / "docs" / "deploy.md").read_text(encoding="utf-8"))
    assert named and set(named) == {VERSION}

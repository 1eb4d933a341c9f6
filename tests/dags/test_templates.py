"""What people wrote into a name, a title or a parameter is no template, wherever Airflow renders one."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.execution_time.task_runner import _render_map_index, _serialize_rendered_fields
from airflow.sdk.log import mask_secret

from include.source import Batch
from include.windows import Window

NAMES = ["{{ 7*7 }}", "{{ conn.warehouse.password }}", "{% raise %}", "{# gone #}", "clear_staging.sql", "<b>&amp;</b>"]
MAPPED = ["extract", "transform", "validate", "publish"]
WINDOW = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC))


def label_of(name: str) -> str:
    """As plan makes it of the name of a place or page."""
    return Batch((1,), (name,), WINDOW).label


def rendered(dag: Any, step: str, label: str) -> tuple[Any, str | None]:
    """The task with its fields rendered, and its label in the UI, as a worker makes them of what plan returned."""
    task = dag.get_task(f"load.{step}").prepare_for_execution()
    planned = [{"load_id": 7, "label": label}]
    instance = SimpleNamespace(
        task=task, map_index=0, xcom_pull=lambda **_: planned, get_relevant_upstream_map_indexes=lambda **_: None
    )
    context: Any = {"ti": instance, "task": task, "dag": dag, "map_index_template": task.map_index_template}
    task.render_template_fields(context)
    log: Any = SimpleNamespace(debug=lambda *_, **__: None)
    return task, _render_map_index(context, ti=instance, log=log)  # type: ignore[arg-type]  # what it asks of an instance


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", MAPPED)
@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_a_name_is_not_rendered(bag: Any, dag_id: str, step: str, name: str) -> None:
    task, label = rendered(bag.dags[dag_id], step, label_of(name))
    assert task.parameters == {"load_id": 7, "label": label_of(name)}
    assert label == label_of(name)


def test_what_is_rendered_of_a_task_are_its_own_words(bag: Any) -> None:
    """No field holds a parameter of the run: these are read by plan, which renders nothing."""
    for dag_id in ("weather", "wikipedia"):
        assert tuple(bag.dags[dag_id].get_task("plan").template_fields) == ()
        for task in bag.dags[dag_id].tasks:
            assert "{{" not in f"{task.doc_md}"
    for task in bag.dags["refresh_marts"].tasks:
        assert tuple(task.template_fields) == ()


def test_rendered_fields_show_no_secret(bag: Any) -> None:
    mask_secret("a-secret-of-the-test")
    task, _ = rendered(bag.dags["weather"], "extract", label_of("a-secret-of-the-test"))
    shown = _serialize_rendered_fields(task)
    assert shown["parameters"] and "a-secret-of-the-test" not in str(shown)


@pytest.mark.parametrize(
    "connection",
    ["postgresql://dw_loader:{}@postgres/dw", '{{"conn_type": "http", "host": "https://x.test", "password": "{}"}}'],
)
def test_the_password_of_a_connection_is_masked_once_it_is_read(
    monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    secret = f"s{abs(hash(connection))}"
    line = f"failed: postgresql://dw_loader:{secret}@postgres/dw"
    monkeypatch.setenv("AIRFLOW_CONN_OF_THE_TEST", connection.format(secret))
    assert secret in str(redact(line))
    assert BaseHook.get_connection("of_the_test").password == secret
    assert secret not in str(redact(line))

"""An alert in the compose stack: the DAG processor sends it, with the connections of Airflow and of the warehouse."""

import json
from typing import Any

from airflow_client.client import ConnectionApi, ConnectionBody

from tests.compose.stack import PROJECT, ComposeStack
from tests.docker import docker
from tests.e2e.stack import wait_for
from tests.receivers import http_server


def test_a_run_that_is_refused_sends_one_message(stack: ComposeStack) -> None:
    [network] = json.loads(docker("network", "inspect", f"{PROJECT}_default"))
    host = network["IPAM"]["Config"][0]["Gateway"]  # this machine, as the containers reach it
    with http_server(host) as chat:
        extra = json.dumps({"config": {"path": chat.url.replace("http://", "json://")}})
        connections = ConnectionApi(stack.api)
        connections.post_connection(ConnectionBody(connection_id="alerts", conn_type="apprise", extra=extra))
        try:
            run = stack.trigger("weather", "2010-05-03", "2010-05-01")
            run.wait("failed")
            [message] = wait_for("its message", lambda: failures(chat.messages))
        finally:
            connections.delete_connection("alerts")
    assert message["title"] == "weather: a run failed: plan"
    assert "plan: weather: start_date 2010-05-03 is not before end_date 2010-05-01" in message["message"]
    assert f"\n./airflow.sh dags clear weather --run-id {run.run_id} --yes\n" in message["message"]


def failures(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those about runs: while catchup still loads the first days, another one says that the data are late."""
    return [message for message in messages if " is late" not in message["title"]]

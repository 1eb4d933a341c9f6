"""The page Warehouse in the compose stack: FAB users and their roles, the password of the reader, and what the image draws with."""

import requests

from tests.compose.stack import ComposeStack

OF_ALL = "of the tests"
PLOT = "/api/marts/weather/daily_weather_aggregates/chart.svg"


def ask(stack: ComposeStack, path: str, token: str = "") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{stack.address}/warehouse{path}", headers=headers, timeout=60)


def token_of(stack: ComposeStack, user: str, password: str) -> str:
    answer = requests.post(f"{stack.address}/auth/token", json={"username": user, "password": password}, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_token"])


def test_the_page_is_for_who_may_see_the_dags(stack: ComposeStack) -> None:
    assert ask(stack, "/").status_code == 401
    for role, status in (("Public", 403), ("Viewer", 200)):
        identity = ("--firstname", "A", "--lastname", "User", "--email", f"{role}@example.com")
        words = ("./airflow.sh", "users", "create", "--role", role, "--username", role, "--password", OF_ALL, *identity)
        created = stack.run(*words)
        assert created.returncode == 0, created.stderr
        token = token_of(stack, role, OF_ALL)
        for path in ("/", "/loads", "/api/freshness"):
            assert ask(stack, path, token).status_code == status, (role, path)


def test_it_reads_as_the_reader_and_draws(stack: ComposeStack) -> None:
    token = token_of(stack, "airflow", stack.secrets["_AIRFLOW_WWW_USER_PASSWORD"])
    rows = ask(stack, "/api/freshness", token).json()["rows"]
    assert {row["source"] for row in rows} == {"weather", "wikipedia"}
    plot = ask(stack, PLOT, token)
    assert (plot.status_code, plot.headers["content-type"]) == (200, "image/svg+xml")
    container = stack.container("airflow-apiserver")
    assert (container["State"]["OOMKilled"], container["RestartCount"]) == (False, 0)

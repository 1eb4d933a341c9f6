"""Adminer, as a browser uses it."""

import re

import pytest
import requests

from tests.compose.stack import ComposeStack


@pytest.fixture
def address(stack: ComposeStack) -> str:
    return f"http://127.0.0.1:{stack.settings['DW_ADMINER_PORT']}/"


def log_in(browser: requests.Session, address: str, password: str) -> requests.Response:
    """The page that comes after the form of the address in docs/usage.md was sent with only the password typed."""
    form = page(browser, address)
    preset = dict(re.findall(r"""name=["'](auth\[(?:server|username|db)\])["'][^>]* value=["'](.*?)["']""", form))
    [driver] = re.findall(r"""name=["']auth\[driver\].*?<option value=["'](\w+)["'] selected""", form)
    return browser.post(address, data=preset | {"auth[driver]": driver, "auth[password]": password}, timeout=30)


def page(browser: requests.Session, address: str, **query: str) -> str:
    query = {"pgsql": "postgres", "username": "dw_reader", "db": "dw"} | query
    return browser.get(address, params=query, timeout=30).text


def test_the_reader_sees_the_marts(browser: requests.Session, address: str, stack: ComposeStack) -> None:
    log_in(browser, address, stack.secrets["DW_READER_PASSWORD"])
    tables = page(browser, address, ns="mart")
    assert "daily_weather_aggregates" in tables
    assert "daily_wikipedia_page_stats" in tables


def test_the_reader_cannot_write(browser: requests.Session, address: str, stack: ComposeStack) -> None:
    log_in(browser, address, stack.secrets["DW_READER_PASSWORD"])
    token = re.findall(r"name=['\"]token['\"] value=['\"]([\d:]+)", page(browser, address, ns="core", sql=""))[-1]
    command = {"query": "DELETE FROM core.weather", "token": token}
    query = {"pgsql": "postgres", "username": "dw_reader", "db": "dw", "ns": "core", "sql": ""}
    response = browser.post(address, params=query, data=command, timeout=30)
    assert "permission denied for table weather" in response.text


def test_another_password_is_refused(browser: requests.Session, address: str, stack: ComposeStack) -> None:
    response = log_in(browser, address, "dw_reader")
    assert "password authentication failed" in response.text
    assert "daily_weather_aggregates" not in page(browser, address, ns="mart")

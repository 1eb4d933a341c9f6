"""Alerts by way of Airflow's connection `alerts`, of type apprise; without it there are none.

Where a message cannot be sent, one line of the log says so and nothing else happens, SECONDS later at most.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import psycopg
from airflow.sdk import BaseHook, Connection, Context
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from include import alerts
from include.command import one_line
from include.loads import RunKey
from include.source import Mart
from include.warehouse import Connection as Warehouse
from include.warehouse import now_of
from plugins.warehouse import warehouse
from plugins.web_ui import address

CONNECTION_ID = "alerts"

SECONDS = 20.0
"""For reading what to say, and again for sending it. Airflow ends a process of its DAG processor after 50."""

REASONS = {"timed_out": "it did not end in time", "all_tasks_deadlocked": "its tasks wait for each other"}
"""Why Airflow ended a run of which no task failed."""

LONGEST_WORD = 12
"""What is longer in the path of an address may be a token."""

UNSENT = f"an alert was not sent by the connection {CONNECTION_ID}"

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class NotSent(Exception):
    """Why a message was not sent. The text has no secret."""


def tell_run_failed(context: Context) -> None:
    """on_failure_callback of a DAG: one message for the run, whatever failed of it. Airflow calls it in the DAG processor."""
    with _out_of_the_way():
        if connection := _connection():
            _send(connection, _run_failed(context))


def tell_what_is_late(ledger: Warehouse, mart: Mart) -> None:
    """One message for what has become late. It is told once it was sent, and again only after it has been on time."""
    with _out_of_the_way(), ledger.transaction():
        if not (late := alerts.became_late(ledger, mart.name, now_of(ledger))):
            return
        if not (connection := _connection()):
            raise psycopg.Rollback
        _send(connection, alerts.late(late, address("dags")))


def _run_failed(context: Context) -> alerts.Alert:
    key, instance = RunKey(context["dag"].dag_id, context["run_id"]), context.get("ti")
    failed = alerts.FailedRun(
        key,
        _failed_tasks(key, instance),
        address("dags", key.dag_id, "runs", key.run_id),
        ended_by=REASONS.get(str(context.get("reason")), ""),
    )

    def read() -> alerts.Alert:
        with warehouse(instance) as connection:
            return alerts.run_failed(connection, failed)

    try:
        return _within(read)
    except (psycopg.Error, TimeoutError) as error:
        return alerts.run_failed_unread(failed, one_line(error))


def _failed_tasks(key: RunKey, instance: Any) -> tuple[str, ...]:
    """Their names; nothing where Airflow does not say, as outside of the DAG processor (`airflow dags test`)."""
    try:
        states = instance.get_task_states(dag_id=key.dag_id, run_ids=[key.run_id])
    except Exception:  # What it raises there is Airflow's own affair.
        return ()
    return tuple(name for name, state in states.get(key.run_id, {}).items() if state == "failed")


def _connection() -> Connection | None:
    with suppress(AirflowNotFoundException):
        return BaseHook.get_connection(CONNECTION_ID)
    return None


def _send(connection: Connection, alert: alerts.Alert) -> None:
    """Raises NotSent where nobody was told; that some were not is a line of the log.

    Not by the provider's notifier: it takes what it is given for a template, and the title of a page may look like one; and neither
    it nor its hook says that a message was not sent (version 2.3.4).
    """
    # A tenth of a second: where there is something to tell.
    import apprise
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    services = apprise.Apprise()
    with _captured(apprise) as said:
        try:
            AppriseHook(CONNECTION_ID).set_config_from_conn(connection, services)
        except (LookupError, TypeError, ValueError):
            raise NotSent('its extra has to be {"config": {"path": "an address"}}') from None
        # They may quote an address, with the ends of its secrets.
        refused = "Apprise cannot read an address of its config" if said() else ""
        secrets = _secrets(services)
        for secret in secrets:
            mask_secret(secret)
        told: list[bool] = []

        def tell() -> None:
            # Each by itself: of several Apprise only says that one was not told.
            for service in services:
                one = apprise.Apprise(service)
                told.append(bool(one.notify(alert.text, alert.title, apprise.NotifyType.FAILURE, body_format="text")))

        try:
            _within(tell)
            reason = refused or ("" if told and all(told) else said() or "Apprise knows no address of it")
        except TimeoutError as error:
            reason = str(error)
    if reason:
        problem = NotSent(one_line(_without(secrets, reason)))
        if not any(told):
            raise problem
        log.warning("%s to all addresses: %s", UNSENT, problem)


@contextmanager
def _captured(apprise: Any) -> Iterator[Callable[[], str]]:
    """What Apprise says of failures meanwhile, in place of the log."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    try:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as text:
            yield text.getvalue
    finally:
        logger.propagate = True


def _secrets(services: Any) -> set[str]:
    """The parts of the addresses that Apprise itself would not show, and those of a path or query that may be tokens."""
    found: set[str] = set()
    for service in services:
        whole, shown = _parts(service.url()), _parts(service.url(privacy=True))
        split = urlsplit(service.url())
        found |= whole - shown
        found |= {part for part in _parts(f"{split.path}?{split.query}") if len(part) > LONGEST_WORD}
    return found | {unquote(part) for part in found}


def _parts(url: str) -> set[str]:
    return set(filter(None, re.split(r"[/:@?&=#]+", url)))


def _without(secrets: set[str], text: str) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _within(work: Callable[[], Result]) -> Result:
    """What `work` returns, or raises; TimeoutError when it takes too long: it is left alone in its thread then."""
    results: list[Result] = []
    errors: list[Exception] = []

    def work_on() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = Thread(target=work_on, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"not within {SECONDS:g} s")
    return results[0]


@contextmanager
def _out_of_the_way() -> Iterator[None]:
    """Whatever fails within is one line of the log."""
    try:
        yield
    except NotSent as error:
        log.warning("%s: %s", UNSENT, error)
    except psycopg.Error as error:
        log.warning("an alert was not sent, since the warehouse could not be asked: %s", one_line(error))
    except Exception as error:  # Its text may be anybody's, an address too.
        log.warning("an alert was not sent: %s", type(error).__name__)

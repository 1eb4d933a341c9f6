"""Airflow's web UI as a user sees it, in a headless Chromium: what is read, clicked and typed on its pages."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect, sync_playwright

from tests.e2e.stack import Run, Stack, Task

CHROMIUM = os.environ.get("DW_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE_MS = 60_000
"""For anything to appear; a page of two shared cores takes seconds."""

FLAGS = ("--disable-gpu", "--disable-quic", "--disable-sync")
ELSEWHERE = "America/New_York"
"""Where the browser is: not in UTC, as its users are not."""

Affected = list[tuple[str, str, int]]


@contextmanager
def chromium(stack: Stack) -> Iterator[BrowserContext]:
    """A Chromium in which the user `admin` has logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield as_user(browser, stack, "admin")
        browser.close()


def as_user(browser: Browser, stack: Stack, user: str | None) -> BrowserContext:
    """A window of the browser in which this user has logged in; None is nobody."""
    context = browser.new_context(
        base_url=stack.address, locale="en-US", timezone_id=ELSEWHERE, viewport={"width": 1400, "height": 1100}
    )
    context.set_default_timeout(PATIENCE_MS)
    if user:
        log_in(context, user, stack.password_of(user))
    return context


def log_in(context: BrowserContext, user: str, password: str) -> None:
    """Through the page to which Airflow sends whoever has not."""
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").wait_for()
    page.close()


@dataclass(frozen=True)
class WebUi:
    """One tab of the web UI."""

    page: Page
    pictures: Path

    def picture(self, name: str) -> Path:
        """A screenshot of the tab as it is now; returns its file."""
        file = self.pictures / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"
        self.page.screenshot(path=file)
        return file

    def open_run(self, run: Run) -> None:
        """From the list of the DAG's runs to the run's page."""
        self.page.goto(f"/dags/{run.dag_id}/runs")
        self.page.get_by_role("row").get_by_role("link", name=run.run_id).first.click()
        self._row("plan").wait_for()

    def open_task(self, run: Run, task: Task) -> None:
        """The log of one task of a load, found by the load's label."""
        self.open_run(run)
        self._row(task.task_id, task.label).get_by_role("link", name=task.task_id).click()
        self.page.get_by_role("heading", name=f"{task.task_id} [{task.label}]").wait_for()

    def expect_in_log(self, text: str) -> None:
        """The log on this page shows that text."""
        expect(self.page.get_by_role("code").filter(has_text=text).first).to_be_visible(timeout=PATIENCE_MS)

    def clear_task(self, run: Run, task: Task) -> Affected:
        """Clears a task as the dialog proposes it; returns what the dialog said it affects."""
        self.open_task(run, task)
        return self._clear()

    def clear_run(self, run: Run) -> Affected:
        """Clears a whole run as the dialog proposes it; returns what the dialog said it affects."""
        self.open_run(run)
        return self._clear()

    def expect_success(self, run: Run, tasks: int) -> None:
        """The run's page shows so many tasks, all successful."""
        self.open_run(run)
        self.page.get_by_role("heading", name=f"{tasks} Task Instances").wait_for()
        done = self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name="Success", exact=True))
        expect(done).to_have_count(tasks, timeout=PATIENCE_MS)

    def choose_utc(self) -> None:
        """At the clock, bottom left: all times on the pages, pickers too, are in UTC from here on."""
        self.page.goto("/dags")
        self.page.get_by_role("button", name=re.compile(r"^[+-]\d\d:\d\d$")).click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Select Timezone")
        dialog.get_by_role("combobox").fill("UTC")
        dialog.get_by_role("option", name="UTC (Coordinated Universal Time)").click()
        dialog.get_by_text("Current time in UTC").wait_for()
        dialog.get_by_role("button", name="Close").click()

    def open_trigger_form(self, dag_id: str) -> "TriggerForm":
        self.page.goto(f"/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger Dag").click()
        dialog = self.page.get_by_role("dialog").filter(has_text=f"Trigger Dag - {dag_id}")
        dialog.get_by_role("region").get_by_role("group").first.wait_for()
        return TriggerForm(self.page, dialog)

    def _row(self, task_id: str, label: str = "") -> Locator:
        """The row of a task in the table of a run's page."""
        link = self.page.get_by_role("link", name=task_id, exact=True)
        return self.page.get_by_role("row").filter(has=link).filter(has_text=label)

    def _clear(self) -> Affected:
        self.page.get_by_role("button", name="to clear").click()
        dialog = self.page.get_by_role("dialog")
        rows = dialog.get_by_role("row")
        rows.nth(1).wait_for()
        expect(dialog.get_by_role("button", name=f"Affected Tasks: {rows.count() - 1}")).to_be_visible()
        affected = [_affected(row) for row in rows.all()[1:]]
        with self.page.expect_response(_clears) as sent:
            dialog.get_by_role("button", name="Confirm").click()
        assert sent.value.ok, f"{sent.value.url}: {sent.value.status} {sent.value.text()}"
        return sorted(affected)


def _clears(response: Response) -> bool:
    """Whether it is the response to the click, not to the dialog's question what would be affected."""
    request = response.request
    return request.method == "POST" and '"dry_run":false' in (request.post_data or "")


def _affected(row: Locator) -> tuple[str, str, int]:
    """Task, state and map index of a row in a dialog, whose first column may be a checkbox."""
    task_id, state, map_index = [text for text in row.get_by_role("cell").all_inner_texts() if text.strip()][:3]
    return task_id, state.strip(), int(map_index)


@dataclass(frozen=True)
class TriggerForm:
    """The dialog "Trigger Dag"."""

    page: Page
    dialog: Locator

    def fields(self) -> dict[str, str]:
        """The parameters of the run: label -> help text."""
        texts = self.dialog.get_by_role("region").get_by_role("group").all_inner_texts()
        lines = [text.split("\n") for text in texts]
        return {line[0].strip(): line[-1] for line in lines}

    def pick(self, label: str, date: str, time: str) -> None:
        """Gives a field a date (2026/10/01) and a time (06:00) with its picker."""
        self._field(label).get_by_text("Select date and time").click()
        picker = self.page.get_by_role("dialog").filter(has=self.page.get_by_placeholder("HH:mm"))
        picker.get_by_placeholder("YYYY/MM/DD").fill(date)
        picker.get_by_placeholder("HH:mm").fill(time)
        self.page.keyboard.press("Escape")
        picker.wait_for(state="hidden")

    def picked(self, label: str) -> str:
        """What a field with a picker shows."""
        return self._field(label).get_by_role("paragraph").inner_text()

    def write(self, label: str, text: str) -> None:
        """Types into a field of text."""
        self._field(label).get_by_role("textbox").fill(text)

    def trigger(self) -> str:
        """Sends the form; returns the id of the new run."""
        with self.page.expect_response(lambda response: response.url.endswith("/dagRuns")) as sent:
            self.dialog.get_by_role("button", name="Trigger").click()
        assert sent.value.ok, f"{sent.value.url}: {sent.value.status} {sent.value.text()}"
        self.dialog.wait_for(state="hidden")
        return str(sent.value.json()["dag_run_id"])

    def _field(self, label: str) -> Locator:
        return self.dialog.get_by_role("group").filter(has=self.page.get_by_text(label, exact=True))

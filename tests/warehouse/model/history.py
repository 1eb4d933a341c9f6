"""A history of runs: asked, cleared, planned anew, replayed, published late and several at once, in an order drawn by lot."""

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest

from plugins.warehouse import UnitsWithheld
from sandbox import Sandbox
from tests.warehouse.pipeline import RUN_NUMBERS, STEPS, DagRun, Pipeline, at_once


@dataclass(frozen=True)
class Span:
    """[start, end), UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def within(self, other: "Span") -> "Span | None":
        """What both have."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

    def hours(self) -> list[datetime]:
        """Each full hour that begins in it; windows of histories are of such."""
        return [
            self.start + timedelta(hours=number) for number in range(int((self.end - self.start) / timedelta(hours=1)))
        ]


Withheld = set[tuple[int, datetime, datetime]]
"""Subject, beginning and end of units that are not to be trusted."""


def not_made_up_for(units: Iterable[tuple[int, Span, bool]]) -> Withheld:
    """Of the units of a replay (subject, part, whether it is trusted) those with an hour that no trusted one has."""
    units = list(units)
    had = {(subject, hour) for subject, part, is_trusted in units if is_trusted for hour in part.hours()}
    return {
        (subject, part.start, part.end)
        for subject, part, _ in units
        if any((subject, hour) not in had for hour in part.hours())
    }


@dataclass(eq=False)
class Load:
    """A load of a run, and what the history did with it."""

    run: DagRun
    index: int
    load_id: int
    subjects: tuple[int, ...]
    span: Span
    done: int = 0
    """Steps that ended, of STEPS."""
    landed: tuple[int, ...] = ()
    """Raw ids of the last extraction; of a replay, of all that was stored for it."""

    @property
    def is_replay(self) -> bool:
        return bool(self.run.conf.get("replay"))


class Oracle(Protocol):
    """What a source's tables must hold."""

    def extracted(self, load: Load) -> None:
        """After an extraction that came to its end."""

    def stored(self, load: Load) -> tuple[int, ...]:
        """Raw ids of what a replay has to consider now."""

    def published(self, load: Load) -> None:
        """After the task publish, of what the load is made of."""

    def truncated(self) -> None:
        """After core was emptied; what the ledger knows is still there."""

    def withheld(self, load: Load) -> Withheld:
        """What the audit of the load must list."""

    def check_core(self) -> None: ...

    def check_marts(self) -> None: ...


@dataclass
class History:
    """Plays events and asks the oracle after each; `outages` make faults that break one response."""

    pipeline: Pipeline
    sandbox: Sandbox
    environment: pytest.MonkeyPatch
    dice: random.Random
    oracle: Oracle
    dag_id: str
    raw_table: str
    batch_setting: str
    whole: Span
    change: Callable[[], None] = lambda: None
    """What happens in the world between two runs."""
    outages: list[Callable[[], Any]] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    abandoned: list[Load] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def play(self, events: int) -> None:
        """So many events; then all that is left over is published, and core made anew of the stored responses."""
        self.ask()
        for _ in range(events):
            event = self.dice.choice([
                self.ask, self.ask, self.ask, self.go_on, self.go_on, self.go_on, self.clear, self.clear, self.publish_at_once,
                self.overtake, self.overtake, self.overtake, self.replay, self.plan_anew, self.wake_abandoned, self.look_at_marts,
            ])  # fmt: skip
            event()
        self.dice.shuffle(self.loads)
        for load in self.loads:
            self.take(load, load.done, 4)
        self.look_at_marts()
        self.pipeline.owner.execute(f"TRUNCATE {self.core_table}")
        self.oracle.truncated()
        # In one load: core is compared after each.
        self.start(self.whole, replay=True, until=4, batch=100)
        self.look_at_marts()

    @property
    def core_table(self) -> str:
        return {"weather": "core.weather", "wikipedia": "core.revision"}[self.dag_id]

    # Events

    def ask(self) -> None:
        self.change()
        self.start(self.some_span(), replay=False, until=self.dice.choice([1, 2, 3, 3, 4, 4]))

    def replay(self) -> None:
        self.start(self.some_span(), replay=True, until=self.dice.choice([1, 3, 4, 4]))

    def go_on(self) -> None:
        if waiting := [load for load in self.loads if load.done < 4]:
            load = self.dice.choice(waiting)
            self.take(load, load.done, 4)

    def clear(self) -> None:
        load = self.dice.choice(self.loads)
        since = self.dice.randint(0, min(load.done, 3))
        self.take(load, since, self.dice.choice([since + 1, 4, 4]))

    def overtake(self) -> None:
        """A load is published late: newer responses of its time were published since it was extracted."""
        if not (late := [load for load in self.loads if 0 < load.done < 4]):
            self.change()
            late = self.start(self.some_span(), replay=self.dice.random() < 0.2, until=self.dice.choice([1, 3]))
        load = self.dice.choice(late)
        older = [other for other in self.loads if other.load_id < load.load_id and other.span.within(load.span)]
        self.change()
        if older and self.dice.random() < 0.5:
            self.take(self.dice.choice(older), 0, 4)
        else:
            self.start(load.span, replay=False, until=4)
        self.take(load, load.done, 4)

    def publish_at_once(self) -> None:
        waiting = [load for load in self.loads if load.done > 0]
        chosen = self.dice.sample(waiting, min(len(waiting), 3))
        for load in chosen:
            self.take(load, load.done, 3)
        if chosen:
            self.tell(f"at once: {[load.load_id for load in chosen]}")
            at_once(*[lambda load=load: self.work(load, 3, 4) for load in chosen])
            for load in chosen:
                self.note(load, 4)
            self.oracle.check_core()

    def plan_anew(self) -> None:
        run = self.dice.choice(self.loads).run
        mine = [load for load in self.loads if load.run is run]
        self.loads = [load for load in self.loads if load.run is not run]
        self.abandoned += mine
        self.tell(f"planned anew: {[load.load_id for load in mine]}")
        self.plan(run, until=self.dice.choice([1, 3, 4]))

    def wake_abandoned(self) -> None:
        """A process of a load that was planned again since: whatever it does, it leaves core as it is."""
        if self.abandoned:
            load, step = self.dice.choice(self.abandoned), self.dice.choice(STEPS[1:])
            self.tell(f"woken: {load.load_id} {step}")
            with suppress(Exception):
                self.pipeline.execute(self.dag_id, step, {"load_id": load.load_id, "label": "woken"})
            self.oracle.check_core()

    def look_at_marts(self) -> None:
        self.tell("marts")
        self.pipeline.refresh_marts("manual")
        self.oracle.check_marts()

    # How they come about

    def some_span(self) -> Span:
        """Of hours, of whole days, or the whole."""
        if self.dice.random() < 0.3:
            return self.whole
        hours = int((self.whole.end - self.whole.start) / timedelta(hours=1))
        first, end = sorted(self.dice.sample(range(hours + 1), 2))
        if self.dice.random() < 0.4:
            first, end = 24 * (first // 24), 24 * -(-end // 24)
        return Span(self.whole.start + timedelta(hours=first), self.whole.start + timedelta(hours=end))

    def start(self, span: Span, replay: bool, until: int, batch: int | None = None) -> list[Load]:
        conf = {"start_date": span.start.isoformat(), "end_date": span.end.isoformat(), "replay": replay}
        return self.plan(DagRun(self.dag_id, f"model_{next(RUN_NUMBERS)}", conf, self.pipeline.clock()), until, batch)

    def plan(self, run: DagRun, until: int, batch: int | None = None) -> list[Load]:
        self.environment.setenv(self.batch_setting, str(batch or self.dice.choice([1, 2, 3, 100])))
        self.pipeline.plan(run)
        loads = []
        for index, planned in enumerate(run.loads):
            subjects, start, end = self.pipeline.rows(
                "SELECT subject_ids, window_start, window_end FROM audit.load WHERE load_id = %s", planned["load_id"]
            )[0]
            load = Load(run, index, planned["load_id"], tuple(subjects), Span(start, end))
            loads.append(load)
            self.loads.append(load)
            self.take(load, 0, until)
        return loads

    def take(self, load: Load, since: int, until: int) -> None:
        """The steps from `since` to before `until`, and what they must leave."""
        if since >= until:
            return
        outage = bool(self.outages) and since == 0 and not load.is_replay and self.dice.random() < 0.1
        self.tell(
            f"load {load.load_id}{' (replay)' if load.is_replay else ''} of {load.subjects} {load.span.start:%dT%H}.."
            f"{load.span.end:%dT%H}: {STEPS[since]} to {STEPS[until - 1]}{', with an outage' if outage else ''}"
        )
        if since == 0:
            before = self.pipeline.value(f"SELECT coalesce(max(id), 0) FROM {self.raw_table}")
            standing = list(self.sandbox.faults)
            if outage:
                self.sandbox.faults.append(self.dice.choice(self.outages)())
            considered = self.oracle.stored(load) if load.is_replay else ()
            self.work(load, 0, 1)
            self.sandbox.faults[:] = standing
            landed = f"SELECT id FROM {self.raw_table} WHERE load_id = %s AND id > %s ORDER BY id"
            load.landed = considered or tuple(raw_id for (raw_id,) in self.pipeline.rows(landed, load.load_id, before))
            error = load.run.errors.get(load.index)
            if error:
                assert outage or (load.is_replay and not considered), error
                load.done = 0
                return
            self.oracle.extracted(load)
            load.done, since = 1, 1
        if since < until:
            self.work(load, since, until)
            self.note(load, until)
            self.oracle.check_core()

    def work(self, load: Load, since: int, until: int) -> None:
        self.pipeline.finish(load.run, STEPS[since], STEPS[until - 1], only=[load.index])

    def note(self, load: Load, until: int) -> None:
        error = load.run.errors.get(load.index)
        assert error is None or isinstance(error, UnitsWithheld), error
        load.done = until
        if until == 4:
            self.oracle.published(load)
        if until >= 3:
            found = self.pipeline.rows(
                "SELECT subject_id, span_start, span_end FROM audit.withheld WHERE load_id = %s", load.load_id
            )
            compare(
                f"what is withheld of load {load.load_id}",
                dict.fromkeys(found, True),
                dict.fromkeys(self.oracle.withheld(load), True),
            )

    def tell(self, event: str) -> None:
        """pytest shows it when the test fails."""
        self.told.append(event)
        print(event)


def compare(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Raises AssertionError naming the first rows that differ."""
    differing = [key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
    lines = [f"{key}: has {found.get(key)}, expected {expected.get(key)}" for key in sorted(differing)[:3]]
    assert not differing, f"{len(differing)} rows of {what} differ\n" + "\n".join(lines)

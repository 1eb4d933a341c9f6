"""Patience: what a try waits out, and in which steps, on a clock of its own."""

import pytest

from include.errors import BadResponse
from include.patience import GOOD_RESPONSES_SECONDS, Patience

PASSING = BadResponse("down")


class Service:
    """Fails as its script says, one error an ask, and answers then; an ask takes `seconds` of the clock."""

    def __init__(self, *script: BadResponse, seconds: float = 0.0) -> None:
        self.script = list(script)
        self.seconds = seconds
        self.now = 0.0
        self.asked_at: list[float] = []
        self.waits: list[float] = []

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, clock=lambda: self.now, sleep=self.sleep).begun()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def ask(self) -> str:
        self.asked_at.append(self.now)
        self.now += self.seconds
        if self.script:
            raise self.script.pop(0)
        return "a response"


def told(service: Service, patience: Patience) -> list[str]:
    """What is told of the waits, when the service answers in the end."""
    news: list[str] = []
    assert patience.ask(service.ask, lambda error, seconds: news.append(f"{error}, {seconds:g} s")) == "a response"
    return news


def error_of(service: Service, patience: Patience) -> BadResponse:
    with pytest.raises(BadResponse) as raised:
        patience.ask(service.ask, lambda error, seconds: None)
    return raised.value


def test_a_good_response_costs_no_wait() -> None:
    service = Service()
    assert told(service, service.patience(0)) == []
    assert service.asked_at == [0]


def test_pauses_grow_and_the_last_ask_comes_at_the_end_of_the_patience() -> None:
    service = Service(*[PASSING] * 20)
    assert error_of(service, service.patience(75)) is PASSING
    assert service.waits == [1, 2, 4, 8, 15, 15, 15, 15]
    assert service.now == 75


def test_the_last_pause_is_what_is_left() -> None:
    service = Service(*[PASSING] * 20)
    error_of(service, service.patience(10))
    assert service.waits == [1, 2, 4, 3]


def test_the_time_that_failing_asks_take_counts() -> None:
    service = Service(*[PASSING] * 20, seconds=10)
    error_of(service, service.patience(75))
    assert service.waits == [1, 2, 4, 8, 10]
    assert service.asked_at == [0, 11, 23, 37, 55, 75]


@pytest.mark.parametrize("seconds", [10, 60, 1000])
def test_a_try_lasts_no_longer_than_its_patience_and_one_ask(seconds: float) -> None:
    service = Service(*[PASSING] * 100, seconds=seconds)
    error_of(service, service.patience(75))
    assert service.now <= 75 + seconds


def test_an_outage_that_ends_in_time_is_told_and_bridged() -> None:
    service = Service(BadResponse("refused"), BadResponse("503"))
    assert told(service, service.patience(75)) == ["refused, 1 s", "503, 2 s"]


def test_what_the_service_names_is_waited_for() -> None:
    service = Service(BadResponse("busy", retry_after=30), PASSING, BadResponse("busy", retry_after=40))
    told(service, service.patience(75))
    assert service.waits == [30, 1, 40]


@pytest.mark.parametrize("retry_after", [75.1, 3600])
def test_what_is_named_beyond_the_patience_ends_the_try_at_once(retry_after: float) -> None:
    service = Service(BadResponse("busy", retry_after=retry_after))
    assert error_of(service, service.patience(75)).retry_after == retry_after
    assert service.waits == []


def test_what_is_named_beyond_what_is_left_of_the_patience_ends_the_try() -> None:
    service = Service(*[BadResponse("busy", retry_after=30)] * 9)
    error_of(service, service.patience(75))
    assert service.waits == [30, 30]


def test_zero_seconds_to_wait_are_none_named() -> None:
    service = Service(*[BadResponse("busy", retry_after=0)] * 3)
    told(service, service.patience(75))
    assert service.waits == [1, 2, 4]


def test_what_does_not_pass_by_itself_is_not_waited_for() -> None:
    service = Service(BadResponse("no such parameter", is_retryable=False, retry_after=1))
    assert not error_of(service, service.patience(75)).is_retryable
    assert service.waits == []


def test_without_patience_the_first_error_ends_the_try() -> None:
    service = Service(PASSING)
    error_of(service, service.patience(0))
    assert service.waits == []


def test_the_patience_is_of_a_whole_try_and_the_pauses_are_of_one_trouble() -> None:
    service = Service(*[PASSING] * 4)
    patience = service.patience(25)
    told(service, patience)
    assert service.waits == [1, 2, 4, 8]
    service.now += 1000  # good responses cost none of it
    service.script = [PASSING] * 20
    error_of(service, patience)
    assert service.waits == [1, 2, 4, 8, 1, 2, 4, 3]


def test_the_next_try_has_all_of_it_again() -> None:
    service = Service(*[PASSING] * 8)
    patience = service.patience(15)
    error_of(service, patience)
    told(service, patience.begun())
    assert sum(service.waits[4:]) <= 15


@pytest.mark.parametrize("seconds", [1, 30, 59, 60])
def test_a_try_that_goes_on_after_faults_is_overdrawn_before_its_task_is_out_of_time(seconds: float) -> None:
    """However many good responses come in between: these cost nothing here."""
    service = Service(*[PASSING] * 1000, seconds=seconds)
    patience = service.patience(75)
    faults = 0
    while not patience.is_overdrawn:
        error_of(service, patience)
        faults += 1
    assert faults >= 120 / seconds
    assert service.now <= patience.longest_try - GOOD_RESPONSES_SECONDS


def test_the_time_limit_of_a_task_has_room_for_patience_a_response_and_the_good_ones() -> None:
    for seconds in (0, 75, 600):
        patience = Patience(seconds)
        assert patience.longest_try > seconds + patience.response_seconds
    assert Patience(600).longest_try - Patience(0).longest_try == 600

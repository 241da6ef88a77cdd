"""The clock of the benchmarks, on a clock that the test moves."""

from __future__ import annotations

import gc
import timeit

import pytest

from hrm_gym.scripts.measuring import timing


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> float:
        self.now += seconds
        return seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timeit, "default_timer", clock)
    return clock


def test_one_call_returns_its_result_and_duration(clock):
    assert timing.timed(lambda: clock.move(2.0)) == (2.0, 2.0)


def test_the_mean_skips_the_first_call_and_the_preparation(clock):
    durations = iter([100.0, 1.0, 3.0, 2.0])
    mean = timing.seconds_per_call(
        lambda: clock.move(next(durations)), 5.5, before=lambda: clock.move(50.0)
    )
    assert mean == 2.0


def test_a_minimum_number_of_calls(clock):
    calls = []
    timing.seconds_per_call(lambda: calls.append(clock.move(9.0)), 1.0, least=3)
    assert len(calls) == 4


def test_calls_per_second(clock):
    assert timing.calls_per_second(lambda: clock.move(0.25), 1.0) == 4.0


def test_the_garbage_collector_stays_on():
    enabled = []
    timing.seconds_per_call(lambda: enabled.append(gc.isenabled()), 0.0)
    assert all(enabled)
    assert gc.isenabled()

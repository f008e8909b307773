"""The machine's own time: tokens and leases age while it is suspended, too."""

import sys
import time

import pytest
from signedin._threads import SystemClock, counting_sleep


@pytest.mark.parametrize(("platform", "counts"), [("linux", "CLOCK_BOOTTIME"), ("darwin", "CLOCK_MONOTONIC")])
def test_time_passes_on_a_suspended_machine(monkeypatch: pytest.MonkeyPatch, platform: str, counts: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(time, counts, 4711, raising=False)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: {4711: 86_400.5}[clock], raising=False)
    assert counting_sleep()() == 86_400.5


def test_a_system_without_such_a_clock_has_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert counting_sleep() is time.monotonic


def test_a_kernel_that_refuses_such_a_clock_has_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert counting_sleep() is time.monotonic


def test_the_systems_clock_never_goes_back() -> None:
    clock = SystemClock()
    moments = [clock.monotonic() for _ in range(1000)]
    assert moments == sorted(moments)

"""Hypothesis drives every store and a model of it side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis.stateful import run_state_machine_as_test
from signedin import FileStore, MemoryStore

from tests.stores.machine import SETTINGS, machine_over

if TYPE_CHECKING:
    from pathlib import Path


def test_a_memory_store_behaves_like_its_model() -> None:
    run_state_machine_as_test(machine_over(MemoryStore), settings=SETTINGS)


def test_a_file_store_behaves_like_its_model(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"

    run_state_machine_as_test(machine_over(lambda: FileStore(path)), settings=SETTINGS)

"""The locks beside a file: who holds one, how it ends, and that a forked child keeps none alive."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from signedin import TokenStoreError
from signedin.stores._locks import SideFiles

KEY = "https://auth.test/api/v1#default"


@pytest.fixture
def locks(tmp_path: Path) -> Callable[[], SideFiles]:
    """Open the same locks once more, as another process would."""
    return lambda: SideFiles(tmp_path / "tokens.json", patience=0.05)


def test_a_free_lock_has_no_holder(locks: Callable[[], SideFiles]) -> None:
    assert locks().holder(KEY) is None
    mine = locks()
    assert mine.try_lock(KEY, "me")
    mine.unlock(KEY, "me")
    assert locks().holder(KEY) is None


def test_the_holder_is_named_by_its_process(locks: Callable[[], SideFiles]) -> None:
    mine = locks()
    assert mine.try_lock(KEY, "me")
    assert str(locks().holder(KEY)).startswith(f"process {os.getpid()} since 20")
    assert locks().try_lock(KEY, "another") is False  # asking has taken nothing away
    mine.unlock(KEY, "me")


def test_a_write_that_never_ends_stops_the_others_only_for_a_while(locks: Callable[[], SideFiles]) -> None:
    refused = pytest.raises(TokenStoreError, match=r"has been writing .* Nothing was changed")
    with locks().writing(), refused, locks().writing():
        pass
    with locks().writing():
        pass


@pytest.mark.parametrize("kind", ["write", "refresh"])
def test_a_child_forked_under_a_lock_does_not_keep_it(locks: Callable[[], SideFiles], kind: str) -> None:
    mine, (stay, go) = locks(), os.pipe()

    def fork() -> int:
        child = os.fork()
        if not child:
            os.close(go)
            os.read(stay, 1)  # until the parent closes its end
            os._exit(0)
        return child

    if kind == "write":
        with mine.writing():
            child = fork()
    else:
        assert mine.try_lock(KEY, "me")
        child = fork()
        mine.unlock(KEY, "me")
    try:
        with locks().writing():
            assert locks().try_lock(KEY, "another")
    finally:
        os.close(go)
        os.close(stay)
        assert os.waitpid(child, 0)[1] == 0


def test_a_forked_child_takes_no_lock_from_its_parent(locks: Callable[[], SideFiles]) -> None:
    mine = locks()
    assert mine.try_lock(KEY, "me")
    child = os.fork()
    if not child:
        mine.after_fork()
        mine.unlock(KEY, "me")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert locks().try_lock(KEY, "another") is False
    mine.unlock(KEY, "me")
    assert locks().try_lock(KEY, "another") is True


def test_a_lock_taken_on_a_full_disk_is_released(
    locks: Callable[[], SideFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = locks()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context:
        context.setattr(os, "write", full)
        assert mine.try_lock(KEY, "me")  # who has it is not written, that is all
    assert locks().try_lock(KEY, "another") is False

    mine.unlock(KEY, "me")

    assert locks().try_lock(KEY, "another")


def test_a_file_system_without_locks_costs_no_descriptor(
    locks: Callable[[], SideFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, before = locks(), len(list(Path("/dev/fd").iterdir()))

    def lockless(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as context:
        context.setattr(fcntl, "flock", lockless)
        for _ in range(10):
            with pytest.raises(OSError, match="No locks available"):
                mine.try_lock(KEY, "me")
    assert len(list(Path("/dev/fd").iterdir())) == before

"""Threads, tasks of every colour, processes and forks that meet on one session or store: what `make stress` repeats."""

from typing import Final

# The beginnings of their names.
CONCURRENCY: Final = (
    "tests/auth/test_cancelling.py",
    "tests/auth/test_connections.py",
    "tests/auth/test_connections_apart.py",
    "tests/auth/test_events.py",
    "tests/auth/test_expiry.py",
    "tests/auth/test_interrupts.py",
    "tests/auth/test_leaving.py",
    "tests/auth/test_processes.py",
    "tests/auth/test_sharing.py",
    "tests/auth/test_stores.py",
    "tests/auth/test_switching.py",
    "tests/auth/test_unsaved.py",
    "tests/auth/test_windows.py",
    "tests/chaos/test_figures.py::test_tasks",
    "tests/chaos/test_figures.py::test_threads",
    "tests/stores/test_hosts.py",
    "tests/stores/test_keyring.py::TestKeyringStore::test_of_many",
    "tests/stores/test_keyring.py::test_a_forked",
    "tests/stores/test_locks.py",
    "tests/stores/test_redis.py::TestRedisStore::test_of_many",
    "tests/stores/test_redis.py::test_a_forked",
)

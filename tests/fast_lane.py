"""`make fast` runs the tests of the auth layer with this plugin: `fast=True` wherever it is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from signedin import ConfigurationError
from signedin._network import ConnectionOptions, Network

if TYPE_CHECKING:
    import pytest

# What cannot hold with pyreqwest, and why; docs/fast.md says so to users.
CANNOT_HOLD: Final = {
    "at_the_limit_an_idle_connection_to_another_server": "each server has a pool of its own",
    "no_more_connections_are_opened_than_the_limit": "one more may be opened before an idle one is back in the pool",
    "after_a_burst_no_more_connections_stay_idle": "it may keep fewer",
    "an_answer_that_is_dropped_makes_room_for_who_waits": "it uses the connection of a whole answer again",
    "a_call_that_ends_in_an_interrupt": "it reads an async body in a task of its own",
    "calls_go_through_the_proxy_and_those_to_this_machine": "its errors have no status of a proxy's answer",
    "a_handshake_that_is_cancelled_leaves_no_connection": "it reports no httpcore events, which the test waits for",
    "a_server_is_trusted_by_the_authorities_that_are_named": "rustls takes no authority for a server",
}
_init: Any = Network.__init__


def _fast(self: Network, options: ConnectionOptions, **more: Any) -> None:
    is_for_refreshes = getattr(options.limits, "max_keepalive_connections", None) == 0
    try:
        _init(self, options if is_for_refreshes else options._replace(fast=True), **more)
    except ConfigurationError as error:
        if "fast=True" not in str(error):
            raise
        _init(self, options, **more)  # what it refuses has tests of its own


Network.__init__ = _fast  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot hold."""
    stay: list[pytest.Item] = []
    out: list[pytest.Item] = []
    for item in items:
        (out if any(name in item.nodeid for name in CANNOT_HOLD) else stay).append(item)
    config.hook.pytest_deselected(items=out)
    items[:] = stay

"""For tests of programs that use signedin: a fake auth server, a virtual clock, the contract suite of token stores.

`pytest_plugins = ["signedin.testing.plugin"]` in a conftest.py brings the fixtures.
"""

from signedin.testing.clock import VirtualClock
from signedin.testing.faults import FAULTS, Fault
from signedin.testing.server import FakeAuthServer, Gate

__all__ = ["FAULTS", "FakeAuthServer", "Fault", "Gate", "VirtualClock"]

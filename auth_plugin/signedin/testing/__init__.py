"""For tests of programs that use signedin: a fake auth server, a virtual clock, cassettes without secrets.

pytest loads the fixtures (`plugin`) by itself. `contract` is the suite that a token store of your own must pass.
"""

from signedin.testing.clock import VirtualClock
from signedin.testing.faults import FAULTS, Fault
from signedin.testing.server import FakeAuthServer, Gate

__all__ = ["FAULTS", "FakeAuthServer", "Fault", "Gate", "VirtualClock"]

"""A daemon: it runs for months, outlives outages, ends on SIGTERM, and gives up only if a person must sign in.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 SIGNEDIN_STORE=file: python examples/daemon.py
"""

import signal
import sys
import threading

from signedin import APIError, Client, RefreshUnavailableError, SignInRequiredError

EVERY = 60.0  # seconds


def main() -> int:
    """Work until SIGTERM. Exit code 3: sign in; systemd restarts for others (RestartPreventExitStatus=3)."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    with Client(timeout=10) as client:
        while not ending.is_set():
            pause = EVERY
            try:
                print("working for", client.users.get_profile().email, flush=True)
            except SignInRequiredError as error:
                print(error, file=sys.stderr)
                return 3
            except (RefreshUnavailableError, APIError) as error:
                print("trouble, and still signed in:", error, file=sys.stderr, flush=True)
                wanted = getattr(error, "retry_after", None)
                pause = max(EVERY, wanted.total_seconds()) if wanted else EVERY
            ending.wait(pause)
    return 0


if __name__ == "__main__":
    sys.exit(main())

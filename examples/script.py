"""A script for cron: somebody ran `signedin login` once, and the token file keeps the script signed in.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/script.py
"""

import sys

from signedin import Client, FileStore, RefreshUnavailableError, SignInRequiredError


def main() -> int:
    """Return the exit code: 3 where a person must sign in, 4 where trying later helps."""
    try:
        with Client(store=FileStore()) as client:  # the file that the command uses, too
            print(client.users.get_profile().email)
    except SignInRequiredError:
        print("Sign in first: signedin login", file=sys.stderr)
        return 3
    except RefreshUnavailableError as error:
        print(f"Try later: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())

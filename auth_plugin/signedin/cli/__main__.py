"""`python -m signedin.cli`, where the script is not on PATH."""

import sys

from signedin.cli import main

if __name__ == "__main__":
    sys.exit(main())

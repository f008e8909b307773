"""`python -m generator`."""

import sys

# httpx, httpcore and jsonschema-path import these where they are installed, for users that the generator is not: a
# tenth of the time of a run. None stands for "not installed".
sys.modules |= dict.fromkeys(("click", "pygments", "requests", "rich", "trio"))  # type: ignore[arg-type]

if __name__ == "__main__":
    from generator.cli import main

    sys.exit(main())

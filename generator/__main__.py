"""`python -m generator`."""

import gc
import sys

# httpx, httpcore and jsonschema-path import these where they are installed, for users that the generator is not: a
# tenth of the time of a run. None stands for "not installed".
sys.modules |= dict.fromkeys(("click", "pygments", "requests", "rich", "trio"))  # type: ignore[arg-type]

# What a run makes it needs to the end: looking for cycles as often as Python does takes another tenth.
gc.set_threshold(50_000, 20, 20)

if __name__ == "__main__":
    from generator.cli import main

    sys.exit(main())

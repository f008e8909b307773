"""What an edited spec changes for users of the SDK: `python -m generator diff OLD NEW`.

`compare` walks both documents: `operations` with their `bodies`, then the `schemas` with their `keywords`; each
difference is a `change.Change` with a level. `sdk` asks the two generated packages and may only raise the level;
`report` turns all of it into words. Rule ids follow oasdiff's vocabulary where it has one.

The levels are those of somebody who installs the new SDK against the new backend: a method that moved to another path
costs them nothing, a renamed operationId breaks their program.
"""

from generator.diff.change import Change, Level
from generator.diff.compare import compare

__all__ = ["Change", "Level", "compare"]

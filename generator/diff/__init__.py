"""What an edited spec changes for users of the SDK: `python -m generator diff OLD NEW`.

`operations` walks both documents, `schemas` compares what stands in them, `contract` compares our extensions; each
difference is a `change.Change` with a level. `sdk` asks the two generated packages and may only raise the level;
`versions` turns the level into a version, `report` into words. Rule ids follow oasdiff's vocabulary where it has one.

The levels are those of somebody who installs the new SDK against the new backend: a method that moved to another path
costs them nothing, a renamed operationId breaks their program.
"""

from generator.diff.change import Change, Level
from generator.diff.compare import compare

__all__ = ["Change", "Level", "compare"]

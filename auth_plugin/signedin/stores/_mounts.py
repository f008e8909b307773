"""Which file systems are shared over a network, where the locks and renames that `file` builds on may not hold."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

# As Linux names them (`man 5 proc_pid_mountinfo`, field 9); a FUSE file system is "fuse.<program>".
_NETWORK: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf",
    "vmhgfs",
    "fuse.afs", "fuse.ceph", "fuse.ceph-fuse", "fuse.cvmfs2", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.gvfsd-fuse", "fuse.juicefs", "fuse.mount.davfs2", "fuse.moosefs", "fuse.rclone", "fuse.s3fs",
    "fuse.seaweedfs", "fuse.sshfs", "fuse.vmhgfs-fuse",
})  # fmt: skip
MOUNTS: Final = Path("/proc/self/mountinfo")


class NetworkFileSystemWarning(RuntimeWarning):
    """A token file lies where processes on other hosts may not see its locks."""


def network_file_system(path: Path) -> str | None:
    """Return the name of the network file system that `path` is on; None for a local one, or where nobody says."""
    try:
        # A folder that is a link to somewhere else lies where it points.
        kind = kind_of(path.parent.resolve(), MOUNTS.read_text(errors="surrogateescape"))
    except OSError:
        return None
    return kind if kind in _NETWORK else None


def kind_of(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds an absolute folder, by the text of /proc/self/mountinfo."""
    longest, kind = 0, None
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _unescaped(fields[4])
        # The longest mount point holds it; of two at one place the later hides the earlier.
        if folder.is_relative_to(point) and len(point) >= longest:
            longest, kind = len(point), after.split(" ")[0]
    return kind


def _unescaped(point: str) -> str:
    raw = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), os.fsencode(point))
    return os.fsdecode(raw)

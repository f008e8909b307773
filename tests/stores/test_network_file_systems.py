"""A token file on a network file system: detected by Linux's table of mounts, and warned about once for each store."""

import json
import warnings
from pathlib import Path

import pytest
from signedin import FileStore, NetworkFileSystemWarning
from signedin.cli import main
from signedin.stores import file
from signedin.stores.file import kind_of, network_file_system

# As the kernel prints it: an optional field or none before the dash, a space in a mount point as \040.
MOUNTS = r"""22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
25 22 0:22 / /proc rw,nosuid - proc proc rw
40 22 0:40 / /home rw,relatime shared:2 master:7 - nfs4 filer:/home rw,vers=4.2,local_lock=none
41 40 252:2 / /home/ada/local rw,relatime - xfs /dev/vdb rw
42 22 0:42 / /mnt/with\040space rw - cifs //filer/share rw
43 22 0:43 / /srv rw - ext4 /dev/vdc rw
44 43 0:44 / /srv rw - fuse.sshfs ada@far: rw
45 22 0:45 / /mnt/tab\011and\134slash rw - 9p share rw
a line of another kind
46 22
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/app", "ext4"),
        ("/home/ada/.local/state", "nfs4"),
        ("/home", "nfs4"),
        ("/homeless", "ext4"),  # a name that begins alike is another folder
        ("/home/ada/local/state", "xfs"),
        ("/mnt/with space/state", "cifs"),
        ("/srv/state", "fuse.sshfs"),  # the later mount hides the earlier
        ("/mnt/tab\tand\\slash", "9p"),
        ("/proc/self", "proc"),
    ],
)
def test_the_longest_mount_point_tells_the_file_system(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind


def test_a_table_that_says_nothing_tells_nothing() -> None:
    assert kind_of(Path("/home"), "") is None
    assert kind_of(Path("/home"), "no table of mounts\n") is None


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the table of mounts has on another host."""
    folder = tmp_path / "far away"
    folder.mkdir()
    point = str(folder).replace(" ", r"\040")
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 252:1 / / rw - ext4 /dev/vda1 rw\n40 22 0:40 / {point} rw - nfs4 filer:/x rw\n")
    monkeypatch.setattr(file, "MOUNTS", table)
    return folder


def test_a_token_file_on_a_network_file_system_is_warned_about_once_with_the_remedy(mounted: Path) -> None:
    with pytest.warns(NetworkFileSystemWarning, match=r"network file system \(nfs4\).*use RedisStore") as warned:
        store = FileStore(mounted / "state" / "tokens.json")
    assert len(warned) == 1
    assert store.load("key") is None  # as quiet as on a local disk
    assert warned[0].filename == __file__


def test_a_link_to_a_network_file_system_is_seen_through(mounted: Path, tmp_path: Path) -> None:
    (tmp_path / "near").symlink_to(mounted)
    with pytest.warns(NetworkFileSystemWarning):
        FileStore(tmp_path / "near" / "tokens.json")


def test_a_token_file_on_a_local_disk_is_not_warned_about(mounted: Path) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        FileStore(mounted.parent / "tokens.json")
    assert warned == []


def test_a_system_that_tells_no_mounts_is_not_warned_on(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MOUNTS", mounted / "is not there")
    assert network_file_system(mounted / "tokens.json") is None


def test_doctor_names_the_network_file_system(mounted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = f"file://{mounted}/tokens.json".replace(" ", "%20")
    with pytest.warns(NetworkFileSystemWarning):
        main(["doctor", "--base-url", "http://127.0.0.1:9", "--store", store, "--json"])
    assert json.loads(capsys.readouterr().out)["store_network_file_system"] == "nfs4"

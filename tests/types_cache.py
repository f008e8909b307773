"""What the generator's mypy knows before it begins: the types of all that generated packages import."""

import os
import shutil
from pathlib import Path

import pytest

from generator.diff import sdk
from generator.package import verify
from tests.once import first, shared

_SDK = Path(__file__).parents[1] / "sdk" / "signedin_sdk"


@pytest.fixture(scope="session")
def types_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fill mypy's cache in one run for all workers, and give this worker a copy: it is not made for two at once."""
    filled, own = shared(tmp_path_factory) / "mypy", tmp_path_factory.mktemp("types") / "mypy"
    with first(filled) as is_first:
        if is_first:
            os.environ["MYPY_CACHE_DIR"] = str(filled)
            (filled / "program.py").write_text("import signedin_sdk.resources\n", encoding="utf-8")
            verify.check_types(_SDK)
            sdk._mypy([filled / "program.py"], _SDK, filled)
    shutil.copytree(filled, own)
    os.environ["MYPY_CACHE_DIR"] = str(own)

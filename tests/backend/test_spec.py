"""Its answers are its spec: requests that schemathesis makes from `openapi.yaml`, right and wrong, alone and in a row.

How often is bounded here; `make backend-check` makes more of them, and on PostgreSQL, too. What counts as a
failure: `schemathesis.toml`.
"""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.backend.running import PASSWORD, Served, checked
from tests.contract import spec
from tests.servers import backend

HERE = Path(__file__).parent
EXAMPLES = 60 if os.environ.get("BACKEND_CHECK") else 8


def test_the_contract_is_served_as_json_to_whoever_asks(served: Served) -> None:
    written = json.dumps(spec(), ensure_ascii=False, indent=1, default=str) + "\n"
    file = HERE.parents[1] / "backend" / "signedin_backend" / "openapi.json"
    assert file.read_text(encoding="utf-8") == written, f"write this into it: {written}"
    answer = served.beside("/openapi.json")
    assert (answer.headers["content-type"], answer.json()) == ("application/json", json.loads(written))


def linked(folder: Path) -> Path:
    """Return the spec with links, so that one request's answer becomes the next one's body."""
    document: dict[str, Any] = copy.deepcopy(spec())
    body = {"refreshToken": "$response.body#/refreshToken"}
    document["components"]["responses"]["TokenPair"]["links"] = {
        "refresh": {"operationId": "refreshToken", "requestBody": body},
        "logout": {"operationId": "logout", "requestBody": body},
    }
    answers = document["paths"]["/auth/register"]["post"]["responses"]
    answers["200"] = copy.deepcopy(document["components"]["responses"]["TokenPair"])
    answers["200"]["links"]["login"] = {"operationId": "login", "requestBody": "$request.body"}
    path = folder / "linked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.mark.timeout(600)
def test_whatever_is_made_from_the_spec_is_answered_as_the_spec_says(tmp_path: Path, database: str) -> None:
    # Long-lived, so that schemathesis' bearer outlives the run.
    with backend(tmp_path, "--access-ttl", "86400", database=database, checked=False) as server:
        body = {"email": "ada@example.com", "password": PASSWORD}
        with checked(server.base_url) as client:
            pair = client.post("/auth/register", json=body).raise_for_status().json()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"),
                *(str(linked(tmp_path)), "--url", server.base_url),
                *("--phases", "examples,coverage,fuzzing,stateful", "--mode", "all", "--checks", "all"),
                *("--max-examples", str(EXAMPLES), "--seed", "1", "--request-timeout", "30", "--no-color"),
                *("--generation-database", "none", "--suppress-health-check", "all"),
            ],
            cwd=tmp_path,
            env={**os.environ, "ACCESS_TOKEN": pair["accessToken"]},
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
        report = done.stdout + done.stderr
        assert done.returncode == 0, report[-6000:]
        # It did ask: every operation, in every way.
        assert re.search(r"Operations:\s+5 selected / 5 total\n(.*\n)*?\s+Tested: +5", report), report[-6000:]
        for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
            assert re.search(rf"✅ +{phase}", report), report[-6000:]
        log = server.log.read_text()
        # In a row: a pair was made, renewed, renewed again too often, and signed out.
        for kind in ("registered", "signed_in", "rotated", "signed_out"):
            assert f'"kind": "{kind}"' in log
        assert '"revoked": true' in log
        assert '"status": 500' not in log
        assert '"event": "failed"' not in log

"""Recorded answers held against the spec: what the contract does not know any more is stale.

Reads what vcrpy writes (version 1). Whether the recording is free of secrets and covers enough is for the recorder.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from generator.contract import base_url
from generator.document import Document
from generator.operations import OperationFacts, operations


def stale(document: Document, folder: Path) -> list[str]:
    """Return what in the recordings is not as the spec says, a line for each."""
    return list(
        dict.fromkeys(line for path in sorted(folder.rglob("*.yaml")) for line in _file(document, folder, path))
    )


def _file(document: Document, folder: Path, path: Path) -> Iterator[str]:
    name = f"stale cassette: {path.relative_to(folder).as_posix()}"
    try:
        said = YAML(typ="safe").load(path)["interactions"]
        pairs = [(each["request"], each["response"]) for each in said]
        for request, response in pairs:
            yield from (f"{name}: {line}" for line in _interaction(document, request, response))
    except (YAMLError, KeyError, TypeError, ValueError) as error:
        yield f"{name}: no cassette ({type(error).__name__})"


def _interaction(document: Document, request: dict[str, Any], response: dict[str, Any]) -> Iterator[str]:
    path = urlsplit(request["uri"]).path.removeprefix(urlsplit(base_url(document) or "").path)
    method, status = str(request["method"]).lower(), str(response["status"]["code"])
    where = f"{method.upper()} {path} {status}"
    operation = next((each for each in operations(document) if _is_at(each, method, path)), None)
    if operation is None:
        yield f"{where}: no such operation"
        return
    answers = operation.node.get("responses") or {}
    answer = document.resolve(answers.get(status) or answers.get(f"{status[0]}XX") or answers.get("default"))
    if not answer:
        yield f"{where}: the status is not documented"
        return
    yield from _body(document, f"{where} answer", answer, response["body"]["string"])
    if status.startswith("2"):  # what was refused need not fit
        described = document.resolve(operation.node.get("requestBody")) or {}
        yield from _body(document, f"{where} request", described, request.get("body") or "")


def _is_at(operation: OperationFacts, method: str, path: str) -> bool:
    pattern = "[^/]+".join(map(re.escape, re.split(r"{[^{}]*}", operation.path)))
    return operation.method == method and re.fullmatch(pattern, path) is not None


def _body(document: Document, where: str, described: dict[str, Any], body: str) -> Iterator[str]:
    content = (described.get("content") or {}).get("application/json")
    if content is None:
        if body and not described.get("content"):
            yield f"{where}: a body where none is documented"
        return
    if not body:
        if described.get("required", True):
            yield f"{where}: no body where one is documented"
        return
    whole = {**(content.get("schema") or {}), "components": document.data.get("components") or {}}
    for error in OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(json.loads(body)):
        # The place and the rule only: the value may be a token.
        yield f"{where}: /{'/'.join(map(str, error.absolute_path))} violates {error.validator}"

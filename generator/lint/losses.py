"""What openapi-python-client leaves out, or puts in the wrong place, without a word."""

import re
from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.spec.address import base_url
from generator.spec.document import Document, Pointer
from generator.spec.operations import METHODS, OperationFacts, operations
from generator.spec.pages import PagesError, paging
from generator.spec.schemas import is_bytes, is_text, kind_of
from generator.spec.streams import is_stream

_STYLES: Final = {"spaceDelimited", "pipeDelimited", "deepObject"}
_FORMS: Final = {"application/x-www-form-urlencoded", "multipart/form-data"}


def identifiers(document: Document) -> Iterator[Finding]:
    """`operation-id-missing`, `operation-id-duplicate`: the second file of a name overwrites the first."""
    seen: set[str] = set()
    for each in operations(document):
        if not each.id:
            message = f"{each.method.upper()} {shown(each.path)} has no operationId."
            yield error(
                document, each.pointer, "operation-id-missing", message, "Name it: it becomes the method's name."
            )
        elif each.id in seen:
            pointer = (*each.pointer, "operationId")
            message = f"operationId {shown(each.id)} is used twice."
            yield error(document, pointer, "operation-id-duplicate", message, "Rename one of the operations.")
        seen.add(each.id)


def root_security(document: Document) -> Iterator[Finding]:
    """`root-security`: it is ignored, and every operation would be sent without a token."""
    if "security" in document.data:
        message = "Root-level `security` is ignored by the generator."
        yield error(document, ("security",), "root-security", message, "Write `security` on each operation.")


def schemes(document: Document) -> Iterator[Finding]:
    """`security-unknown`: a requirement names a scheme that is not declared."""
    declared = document.at(("components", "securitySchemes")) or {}
    for each in operations(document):
        for index, requirement in enumerate(each.node.get("security") or []):
            for name in requirement.keys() - declared.keys():
                pointer = (*each.pointer, "security", str(index))
                message = f"{shown(each.id)} wants the security scheme {shown(name)}, which is not declared."
                yield warning(document, pointer, "security-unknown", message, "Declare it under components.")


def tags(document: Document) -> Iterator[Finding]:
    """`tag-missing`, `tag-several`: the first tag decides which resource has the method."""
    for each in operations(document):
        if not each.node.get("tags"):
            message = f"{shown(each.id)} has no tag."
            yield error(document, each.pointer, "tag-missing", message, "Give it one: the tag becomes the resource.")
        elif len(each.node["tags"]) > 1:
            message = f"{shown(each.id)} has several tags; it becomes a method of the first only."
            yield warning(document, (*each.pointer, "tags"), "tag-several", message, "Keep one.")


def servers(document: Document) -> Iterator[Finding]:
    """`server`: only the first absolute server of the document is used."""
    if base_url(document) is None:
        message = "There is no default server with an absolute http(s) URL."
        yield warning(document, ("servers",), "server", message, "Name one, or users have to give it.")
    for path, item in (document.data.get("paths") or {}).items():
        for pointer in (("paths", path), *(("paths", path, method) for method in METHODS if method in item)):
            if "servers" in (document.at(pointer) or {}):
                message = f"{shown(path)} has servers of its own, which are ignored."
                yield warning(document, (*pointer, "servers"), "server", message, "Move the path to another document.")


def parameters(document: Document) -> Iterator[Finding]:
    """`parameter`: ways to write parameters that would be dropped or written in another way."""
    for each in operations(document):
        for pointer, node in parameters_of(document, each):
            parameter = document.resolve(node)
            subject = f"Parameter {shown(parameter.get('name'))} of {shown(each.id)}"
            if "schema" not in parameter or parameter.get("in") == "querystring":
                yield error(document, pointer, "parameter", f"{subject} has no schema of its own.", "Give it one.")
                continue
            style, plain = parameter.get("style"), {"query": "form", "cookie": "form"}.get(parameter["in"], "simple")
            if style not in {None, plain} and (parameter["in"] != "query" or style not in _STYLES):
                message = f"{subject} is written as style {plain}, whatever it asks for."
                yield error(document, pointer, "parameter", message, "Use the default style.")
            if parameter.get("allowReserved"):
                yield error(document, pointer, "parameter", f"{subject} is always escaped.", "Drop allowReserved.")


def paths(document: Document) -> Iterator[Finding]:
    """`path-template`, `path-reference`: paths that would be built in another way, or not at all."""
    for path, item in (document.data.get("paths") or {}).items():
        if "$ref" in item:
            message = f"Path {shown(path)} is a $ref, its operations are dropped."
            yield error(document, ("paths", path), "path-reference", message, "Write them here.")
        # `str.format` has a language of its own.
        if re.search(r"[{}]", re.sub(r"{[a-zA-Z_-][a-zA-Z0-9_-]*}", "", path)):
            message = f"Path {shown(path)} has braces that name no parameter."
            advice = "Write {name}, of letters, digits, - and _."
            yield error(document, ("paths", path), "path-template", message, advice)


def calls_of_the_server(document: Document) -> Iterator[Finding]:
    """`webhook`, `method`: what a client does not serve, and methods of 3.2 that are not generated."""
    for path, item in (document.data.get("paths") or {}).items():
        for name in ("additionalOperations", "query") if isinstance(item, dict) else ():
            if name in item:
                message = f"{shown(path)} has {name}, which the generator leaves out."
                yield warning(document, ("paths", path, name), "method", message, "Send it with `client.http`.")
    for name, node in (("webhooks", document.data), *(("callbacks", each.node) for each in operations(document))):
        if node.get(name):
            message = f"There are {name}, which the generator leaves out."
            pointer = (name,) if node is document.data else ("paths",)
            yield warning(document, pointer, "webhook", message, "Serve them by other means.")


def parameters_of(document: Document, operation: OperationFacts) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """Yield the parameters as they are written, those of the path first, with their places."""
    for owner in (operation.pointer[:-1], operation.pointer):
        for index, node in enumerate((document.at(owner) or {}).get("parameters") or []):
            yield (*owner, "parameters", str(index)), node


def request_bodies(document: Document) -> Iterator[Finding]:
    """`media-type`, `schema-missing`: an operation whose body cannot be generated is left out, exit 0."""
    for each in operations(document):
        body = document.resolve(each.node.get("requestBody"))
        for name, media in (body or {}).get("content", {}).items():
            pointer = (*each.pointer, "requestBody", "content", name)
            if not is_sendable(name):
                message = f"{shown(each.id)} takes {shown(name)}, which the generator cannot send."
                yield error(document, pointer, "media-type", message, "Use JSON, a form, text/* or bytes.")
            elif "schema" not in media:
                message = f"{shown(each.id)} takes {shown(name)} without a schema."
                yield error(document, pointer, "schema-missing", message, "Give it one.")


def answers(document: Document) -> Iterator[Finding]:
    """`media-type`, `schema-missing`, `success-missing`, `error-schema-missing`: answers that would not be read."""
    for each in operations(document):
        documented = each.node.get("responses", {})
        if not any(status.startswith(("2", "3")) or status == "default" for status in documented):
            message = f"{shown(each.id)} documents neither success nor redirect: every answer is an error."
            yield warning(document, each.pointer, "success-missing", message, "Document its success.")
        for status, node in documented.items():
            yield from _answer(document, each, status, document.resolve(node))


def _answer(document: Document, operation: OperationFacts, status: str, answer: dict[str, Any]) -> Iterator[Finding]:
    pointer = (*operation.pointer, "responses", status)
    subject = f"Answer {shown(status)} of {shown(operation.id)}"
    content = answer.get("content") or {}
    readable = [media for name, media in content.items() if is_readable(kind_of(name))]
    if content and not readable:
        message = f"{subject} is {', '.join(map(shown, content))}, which the generator cannot read."
        yield error(document, pointer, "media-type", message, "Use JSON, text/* or bytes.")
    elif readable and "schema" not in readable[0]:
        yield warning(
            document, pointer, "schema-missing", f"{subject} has no schema: its body is dropped.", "Give it one."
        )
    elif not readable and not status.startswith(("1", "2", "3")):
        message = f"{subject} has no body with a schema: the error's `body` will be untyped."
        yield warning(document, pointer, "error-schema-missing", message, "Describe what the server answers.")


def pages(document: Document) -> Iterator[Finding]:
    """`pages`: an operation that is described as paged, and whose pages could not be fetched."""
    for each in operations(document):
        try:
            paging(document, each)
        except PagesError as problem:
            message = f"The pages of {shown(each.id)} cannot be fetched: {problem}."
            yield warning(document, each.pointer, "pages", message, "See docs/lint-rules.md, or fetch them by hand.")


def is_sendable(media_type: str) -> bool:
    """Say whether the generator can generate a body of this media type."""
    kind = kind_of(media_type)
    return is_json(kind) or kind in _FORMS or is_bytes(kind) or is_text(kind)


def is_form(media_type: str) -> bool:
    """Say whether a body of this media type is a form."""
    return kind_of(media_type) in _FORMS


def is_json(kind: str) -> bool:
    """Say whether a body of this kind is JSON."""
    return kind == "application/json" or kind.endswith("+json")


def is_readable(kind: str) -> bool:
    """Say whether the generated package reads an answer of this kind."""
    return is_json(kind) or is_text(kind) or is_bytes(kind) or is_stream(kind)


RULES: Final[tuple[Rule, ...]] = (
    identifiers,
    root_security,
    schemes,
    tags,
    servers,
    paths,
    calls_of_the_server,
    parameters,
    request_bodies,
    answers,
    pages,
)

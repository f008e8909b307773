"""What openapi-python-client refuses to read, as findings with lines: it is the last judge of a spec."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any, Final

from openapi_python_client import schema as oai
from openapi_python_client.config import Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError as UpstreamError
from openapi_python_client.parser.errors import ParseError
from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
from openapi_python_client.strings import ClassName, PythonIdentifier
from pydantic import ValidationError

from generator.errors import GenerateError, GeneratorError
from generator.lint.finding import Finding, error, shown
from generator.package.rewrite import owner_of, rewrite
from generator.spec.document import Document, Pointer
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import METHODS, operations
from generator.spec.schemas import class_of

RULE: Final = "upstream"
_ADVICE: Final = "Write it in another way; openapi-python-client cannot read it."
# How upstream shows a string of the spec in a message: not at all.
_HIDDEN: Final = re.compile(r"<\S*UntrustedString object at 0x[0-9a-f]+>")
_TAIL: Final = ", response will be omitted from generated client"


@contextmanager
def asking(document: Document) -> Iterator[None]:
    """Let upstream read: it talks to stdout, and raises whatever a spec that it did not expect leads to.

    Raises:
        GenerateError: In place of that.
    """
    try:
        with redirect_stdout(StringIO()):
            yield
    except (GeneratorError, MemoryError):
        raise
    except Exception as error:
        raise GenerateError(
            f"{document.path}: openapi-python-client failed: {type(error).__name__}: {error}"
        ) from error


def trial(document: Document, config: Config) -> list[Finding]:
    """Return what upstream refuses of a document that the linter accepts.

    Raises:
        GenerateError: It fails, and does not say where.
    """
    return upstream_findings(
        document, lambda each: list(refusals(ours := rewrite(each), GeneratorData.from_dict(ours.data, config=config)))
    )


def upstream_findings(document: Document, ask: Callable[[Document], list[Finding]]) -> list[Finding]:
    """Return what upstream finds; where it fails, the operations or schemas that it fails at.

    Raises:
        GenerateError: It fails, whatever is taken away.
    """
    with asking(document):
        try:
            return ask(document)
        except (GenerateError, MemoryError):
            raise
        except Exception:
            if places_ := crashes(document, ask):
                return places_
            raise


def crashes(document: Document, run: Callable[[Document], object]) -> list[Finding]:
    """Return the operations that `run` fails at, or else the schemas, each with the failure; located by halving."""
    texts = dict[Pointer, str]()

    def fails(places: Sequence[Pointer]) -> bool:
        try:
            run(document.changed(_only(document.data, places)))
        except MemoryError:
            raise
        except Exception as failure:  # noqa: BLE001  (whatever upstream or a template raises)
            texts.update(dict.fromkeys(places, f"{type(failure).__name__}: {failure}"))
            return True
        return False

    places: list[Pointer] = [each.pointer for each in operations(document)]
    if not places or fails([]):
        places = [("components", "schemas", name) for name in document.at(("components", "schemas")) or {}]
    message = "openapi-python-client, or a template, fails at it: "
    return [error(document, each, RULE, f"{message}{shown(texts[each])}.", _ADVICE) for each in _halved(places, fails)]


def _halved(places: Sequence[Pointer], fails: Callable[[Sequence[Pointer]], bool]) -> list[Pointer]:
    if not places or not fails(places):
        return []
    if len(places) == 1:
        return [*places]
    half = len(places) // 2
    return [*_halved(places[:half], fails), *_halved(places[half:], fails)]


def _only(data: dict[str, Any], places: Sequence[Pointer]) -> dict[str, Any]:
    """Return the document with these operations alone; or without any, and these schemas alone with a type."""
    paths = {
        path: {key: each for key, each in item.items() if key not in METHODS or ("paths", path, key) in places}
        for path, item in (data.get("paths") or {}).items()
    }
    if not places or places[0][0] == "paths":
        return {**data, "paths": paths}
    components = data["components"]
    schemas = {
        name: each if ("components", "schemas", name) in places else {} for name, each in components["schemas"].items()
    }
    return {**data, "paths": {}, "components": {**components, "schemas": schemas}}


def refusals(document: Document, parsed: GeneratorData | UpstreamError) -> Iterator[Finding]:
    """Yield what would be missing from the package."""
    if isinstance(parsed, UpstreamError):
        try:
            oai.OpenAPI.model_validate(document.data)
        except ValidationError as failure:
            yield from misread(document, failure)
        else:
            yield error(document, (), RULE, f"{parsed.header}: {_text(parsed.detail)}.", _ADVICE)
        return
    for each in parsed.errors:
        yield refused_schema(document, each)
    yield from _refused_operations(document, parsed.endpoint_collections_by_tag.values())
    modules = Counter(each.class_info.module_name for each in [*parsed.models, *parsed.enums])
    for module in (module for module, count in modules.items() if count > 1):
        message = f"Several schemas of one name become models/{module}.py."
        yield error(document, maker(document, module), RULE, message, "Give them titles.")


def maker(document: Document, module: str) -> Pointer:
    """Return the schema or the operation in whose name a module's begins, the longest such name."""
    schemas = (document.at(("components", "schemas")) or {}).items()
    made: dict[str, Pointer] = {
        PythonIdentifier(class_of(name, each), FIELD_PREFIX): ("components", "schemas", name) for name, each in schemas
    }
    made |= {
        PythonIdentifier(ClassName(each.id, FIELD_PREFIX), FIELD_PREFIX): each.pointer for each in operations(document)
    }
    owners = [name for name in made if module == name or module.startswith(f"{name}_")]
    return made[max(owners, key=len)] if owners else ()


def misread(document: Document, failure: ValidationError) -> Iterator[Finding]:
    """Yield what pydantic, by which upstream reads, does not accept."""
    for each in failure.errors(include_url=False, include_input=False):
        pointer = _existing(document.data, each["loc"])
        yield error(document, pointer, RULE, f"{'/'.join(pointer)}: {shown(each['msg'])}.", _ADVICE)


def _existing(node: Any, steps: Iterable[Any]) -> Pointer:
    """Return the place that pydantic means, which names the types that it tried among the steps."""
    pointer: list[str] = []
    for step in steps:
        is_key = isinstance(node, dict) and step in node
        if is_key or (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            node = node[step]
            pointer.append(str(step))
    return tuple(pointer)


def refused_schema(document: Document, refused: ParseError) -> Finding:
    """Return what upstream says about a schema that would be missing."""
    match = re.search(r"schema (?:/components/schemas/)?(.+?):?$", refused.header.strip())
    names = (document.data.get("components") or {}).get("schemas") or {}
    name = owner_of(match[1], names) if match else ""
    pointer = ("components", "schemas", name) if name in names else ("components",)
    return error(document, pointer, RULE, f"Schema {shown(name)} cannot be read: {_text(refused.detail)}.", _ADVICE)


def _refused_operations(document: Document, collections: Iterable[EndpointCollection]) -> Iterator[Finding]:
    """Yield the operations, and the answers of operations, that would be missing."""
    refusing = [each for each in collections if each.parse_errors]
    # Upstream's names, of the operationIds: `generation` renames the methods.
    by_name = {(each.method, PythonIdentifier(each.id, FIELD_PREFIX)): each.node for each in operations(document)}
    nodes = by_name if refusing else {}
    for collection in refusing:
        statuses = {key: status for each in collection.endpoints for key, status in _lost_answers(nodes, each)}
        for each in collection.parse_errors:
            match = re.match(r"WARNING parsing ([A-Z]+) (.*) within ", each.header, re.DOTALL)
            where = f"{match[1]} {shown(match[2])}" if match else "An operation"
            pointer: Pointer = ("paths", match[2], match[1].lower()) if match else ("paths",)
            if status := statuses.get(id(each)):
                pointer = (*pointer, "responses", status)
            yield error(document, pointer, RULE, f"{where}: {_text(each.detail, status)}.", _ADVICE)


def _lost_answers(nodes: Mapping[tuple[str, PythonIdentifier], Any], endpoint: Endpoint) -> Iterator[tuple[int, str]]:
    """Pair what upstream says about answers with their statuses, which it hides: both in the order of the spec."""
    lost = [id(each) for each in endpoint.errors if "response" in (each.detail or "")]
    read = {each.status_code.pattern for each in endpoint.responses}
    documented = nodes.get((endpoint.method, endpoint.name), {}).get("responses") or {}
    return zip(lost, [status for status in documented if status not in read], strict=False)


def _text(detail: str | None, hidden: str | None = None) -> str:
    """Return what upstream says on one line, with what it hides where that is clear."""
    text = _HIDDEN.sub(hidden or "", detail or "for no reason that it tells")
    return shown(" ".join(text.removesuffix(_TAIL).split()).rstrip("."))

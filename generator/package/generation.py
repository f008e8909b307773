"""Hands the spec to openapi-python-client with our templates, and renders what those do not have.

What comes out is neither formatted nor tried; `formatting` and `verify` come next.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import define
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.environment import Template, TemplateModule
from jinja2.runtime import Context
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser import errors as upstream_errors
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.schema import UntrustedString
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.errors import GenerateError, VerificationError
from generator.package.facts import Facts
from generator.package.refusals import asking, crashes, refusals
from generator.package.rewrite import rewrite
from generator.spec.contract import contract
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations
from generator.spec.schemas import is_bytes, is_text, kind_of, sent_as

TEMPLATES: Final = Path(__file__).parent / "templates"
_RESERVED: Final = frozenset(
    {"additional_keys", "additional_properties", "cls", "field_dict", "files", "from_dict", "json", "prop"}
    | {"prop_dict", "prop_name", "src_dict", "to_dict", "to_multipart", "types"}
)


class _Compiled(BytecodeCache):
    """The compiled templates of this process; upstream makes a new environment for each package."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


class _Template(Template):
    """All templates have the environment's globals; comparing them at each import takes a tenth of the generation."""

    def _get_default_module(self, _: Context | None = None) -> TemplateModule:
        return super()._get_default_module()


@define(frozen=True)
class Resource:
    """A tag and its operations, as the templates need them; `tag` and `title` are identifiers that upstream made."""

    tag: str
    title: str
    text: UntrustedString
    endpoints: list[Endpoint]
    has_streams: bool
    has_pages: bool
    files: list[Endpoint]

    @property
    def line(self) -> UntrustedString:
        """Return the text without line breaks, which a string literal would lose."""
        return UntrustedString(" ".join(self.text.get_untrusted_value().split()))


def generate_package(document: Document, target: Path) -> None:
    """Generate the package into a new folder `target`.

    Raises:
        GenerateError: Something in the spec would be missing from the package.
        VerificationError: A template, or openapi-python-client, fails at what the findings name.
    """
    with asking(document):
        try:
            _generate(rewrite(document), target)
        except (GenerateError, MemoryError):
            raise
        except Exception as failure:
            if not (failures := crashes(document, _generate_aside)):
                raise
            text = f"{document.path}: {target.name} cannot be generated: {type(failure).__name__}."
            raise VerificationError(text, failures) from None


def _generate_aside(document: Document) -> None:
    with TemporaryDirectory(prefix="signedin-generator-") as folder, suppress(GenerateError):
        _generate(rewrite(document), Path(folder) / "aside")


def _generate(document: Document, target: Path) -> None:
    config = config_for(document, target)
    openapi = GeneratorData.from_dict(document.data, config=config)
    findings = list(refusals(document, openapi))
    if findings or isinstance(openapi, upstream_errors.GeneratorError):
        raise GenerateError(
            "\n".join(["openapi-python-client refuses it:", *(each.text(document.path) for each in findings)])
        )
    _rename_attributes(openapi, config)
    _rename_methods(document, openapi)
    project = Project(openapi=openapi, config=config, custom_template_path=TEMPLATES)
    project.env.bytecode_cache = _COMPILED
    project.env.template_class = _Template
    project.env.auto_reload = False  # a template is looked for on the disk once
    facts = Facts(document)
    project.env.globals.update(facts=facts, contract=contract(document))
    if warnings := project.build():
        raise GenerateError(_told(document, warnings))
    _render_ours(project, _resources(document, openapi, facts), facts, target)


def _rename_attributes(openapi: GeneratorData, config: Config) -> None:
    """Append `_` to the attributes that would hide a name which the models use; on the wire they keep their own."""
    endpoints = [each for tag in openapi.endpoint_collections_by_tag.values() for each in tag.endpoints]
    bodies = [body.prop for endpoint in endpoints for body in endpoint.bodies]
    for model in [*openapi.models, *(each for each in bodies if isinstance(each, ModelProperty))]:
        for prop in [*(model.required_properties or []), *(model.optional_properties or [])]:
            if prop.python_name in _RESERVED:
                prop.set_python_name(UntrustedString(f"{prop.python_name}_"), config=config, skip_snake_case=True)


def _rename_methods(document: Document, openapi: GeneratorData) -> None:
    """Give the methods their names; the classes inside operations are named by the operationIds, which are unique."""
    names = {(each.resource, PythonIdentifier(each.id, FIELD_PREFIX)): each.module for each in operations(document)}
    for tag, collection in openapi.endpoint_collections_by_tag.items():
        for each in collection.endpoints:
            if (name := names[tag, each.name]) != each.name:  # to convert one again may change it: `__class__`
                each.name = PythonIdentifier(name, FIELD_PREFIX)


def _render_ours(project: Project, resources: list[Resource], facts: Facts, target: Path) -> None:
    classes = [each.class_info for each in [*project.openapi.models, *project.openapi.enums]]
    models = sorted(classes, key=lambda each: each.name)
    (target / "client.py").unlink()  # upstream's; `signedin` sends
    (target / "py.typed").touch()
    (target / "resources").mkdir()
    _render(project, "wire.py", target / "_wire.py")
    _render(project, "contract.py", target / "contract.py")
    _render(project, "models_modules.py", target / "models" / "_modules.py", models=models)
    _render(project, "models_init.pyi", target / "models" / "__init__.pyi", models=models)
    has_files = any(each.files for each in resources)
    if has_files or any(each.has_streams for each in resources):
        _render(project, "streams.py", target / "streams.py", has_files=has_files, has_events=facts.has_events)
    if any(each.has_pages for each in resources):
        _render(project, "pages.py", target / "pages.py")
    for suffix in ("py", "pyi"):  # at run time and for type checkers
        init = target / "resources" / f"__init__.{suffix}"
        _render(project, f"resources_init.{suffix}", init, resources=resources, has_files=has_files)
    endpoints = [endpoint for resource in resources for endpoint in resource.endpoints]
    raw = target / "resources" / "_raw.pyi"
    _render(project, "resources_raw.pyi", raw, resources=resources, endpoints=endpoints)
    if has_files:
        _render(project, "resources_streaming.pyi", target / "resources" / "_streaming.pyi", resources=resources)
    for resource in resources:
        _render(project, "resource.py", target / "resources" / f"{resource.tag}.py", resource=resource)


def _render(project: Project, template: str, path: Path, **values: object) -> None:
    text = project.env.get_template(f"{template}.jinja").render(**values)
    path.write_text(text, encoding="utf-8", newline="\n")


def _resources(document: Document, openapi: GeneratorData, facts: Facts) -> list[Resource]:
    descriptions = {
        str(tag.get("name")): str(tag["description"])
        for tag in document.data.get("tags") or []
        if isinstance(tag, dict) and tag.get("description")
    }
    described = {PythonIdentifier(name, "tag"): UntrustedString(text) for name, text in descriptions.items()}
    models = {each.class_info.name for each in [*openapi.models, *openapi.enums]}
    resources = []
    for tag, collection in sorted(openapi.endpoint_collections_by_tag.items()):
        title = str(ClassName(tag, "tag"))
        while models & {f"{title}Resource", f"Async{title}Resource"}:
            title = f"{title}_"
        text = described.get(tag) or UntrustedString(f"The operations of {tag}.")
        answers = [(each, facts.answers(each)) for each in collection.endpoints]
        files = [each for each, answer in answers if answer.is_file]
        has_streams = any(answer.stream for _, answer in answers)
        has_pages = any(map(facts.pages, collection.endpoints))
        resources.append(Resource(tag, title, text, collection.endpoints, has_streams, has_pages, files))
    return resources


def config_for(document: Document, target: Path) -> Config:
    """Return upstream's settings."""
    bodies = [node["content"] for _, node in document.nodes if isinstance(node.get("content"), dict)]
    kinds = {kind for content in bodies for kind in content if is_bytes(kind_of(kind))}
    texts = {kind_of(kind): "text/plain" for content in bodies for kind in content if is_text(kind_of(kind))}
    kinds |= {sent_as(kind) for content in bodies for kind in content if is_text(kind_of(kind))}
    settings = ConfigFile(
        post_hooks=[],
        package_name_override=target.name,
        field_prefix=FIELD_PREFIX,
        content_type_overrides=dict.fromkeys(sorted(kinds), "application/octet-stream") | texts,
    )
    return Config.from_sources(
        settings,
        meta_type=MetaType.NONE,
        document_source=document.path,
        file_encoding="utf-8",
        overwrite=False,
        output_path=target,
    )


def _told(document: Document, problems: Iterable[Any]) -> str:
    lines = [" ".join(f"{each.header} {each.detail or ''}".split()) for each in problems]
    return "\n".join([f"{document.path}: openapi-python-client would leave something out:", *lines])

"""What the templates ask: about an operation, its arguments, its answers, a model's secrets.

Everything that a template writes without a filter of upstream's is made of identifiers and types that upstream made.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from attrs import define, field
from openapi_python_client.parser.bodies import Body, BodyType
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import AnyProperty, EnumProperty, ModelProperty, Property
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.schema import UntrustedString
from openapi_python_client.strings import PythonCode, PythonIdentifier, in_double_quote_literal

from generator.package.answers import Answers, is_of
from generator.spec.directions import read_only
from generator.spec.document import Document
from generator.spec.operations import Auth, OperationFacts, operations
from generator.spec.pages import PagesError, Paging, paging
from generator.spec.schemas import CHARSET
from generator.spec.sensitive import is_secret_body, secret_parameters, sensitive_properties
from generator.spec.streams import EVENTS
from generator.spec.tags import Members, Tags, tags_of

_MAY_HOLD_ENUMS = (EnumProperty, ListProperty, ModelProperty)
_LONGEST: Final = 90  # of an example's arguments, on one line
_FLAT: tuple[BodyType, ...] = (BodyType.JSON, BodyType.DATA, BodyType.FILES)


@define(frozen=True)
class Operation:
    """An operation as the templates may write it."""

    id: UntrustedString
    method: UntrustedString
    path: UntrustedString
    auth: Auth
    tokens: UntrustedString | None
    deprecated: bool
    described: dict[tuple[str, str], str]
    secret_parameters: frozenset[tuple[str, str]]
    secret_body: bool
    accepts: UntrustedString | None
    styles: dict[str, str]
    aliases: dict[str, str]
    parts: dict[UntrustedString, UntrustedString]
    examples: dict[str, Any]
    streams: dict[str, tuple[str, str]]
    paging: Paging | None


@define(frozen=True)
class Pages:
    """How the pages of an operation follow one another; the names are those of attributes."""

    method: str
    kind: str
    items: list[PythonIdentifier]
    at: list[PythonIdentifier]
    parameter: UntrustedString
    first: int
    prop: PropertyProtocol

    @property
    def item(self) -> PythonCode:
        """Return the type of an item."""
        return self.prop.get_type_string()


@define(frozen=True)
class Argument:
    """A keyword argument of `call` and of the resource's method."""

    name: PythonIdentifier
    declaration: PythonCode
    description: UntrustedString | None
    sensitive: bool

    @property
    def is_required(self) -> bool:
        """Say whether a call must have it."""
        return " = " not in self.declaration.as_unembedded_code()

    @property
    def is_plain(self) -> bool:
        """Say whether it is written as JSON has it."""
        types = self.declaration.as_unembedded_code().partition(": ")[2].partition(" = ")[0].split(" | ")
        return set(types) <= {"bool", "float", "int", "list[int]", "list[str]", "str", "None", "Unset"}


@define(frozen=True, eq=False)
class Facts:
    """The templates' view of the spec, beside what upstream gives them."""

    document: Document
    _operations: dict[tuple[str, str], Operation] = field(init=False)
    _secrets: dict[str, frozenset[str]] = field(init=False, factory=dict)
    _arguments: dict[tuple[str, str], list[Argument]] = field(init=False, factory=dict)
    _answered: dict[str, frozenset[str]] = field(init=False, factory=dict)
    _tags: dict[Members, Tags] = field(init=False)

    @_operations.default
    def _read_operations(self) -> dict[tuple[str, str], Operation]:
        return {
            (each.resource, each.module): Operation(
                UntrustedString(each.id),
                UntrustedString(each.method),
                UntrustedString(each.path),
                each.auth,
                UntrustedString(each.effect) if each.effect else None,
                each.deprecated,
                each.described(self.document),
                frozenset(secret_parameters(self.document, each)),
                is_secret_body(self.document, each),
                UntrustedString(accepts) if (accepts := each.accepts(self.document)) else None,
                each.styles(self.document),
                each.aliases(self.document),
                {UntrustedString(name): UntrustedString(kind) for name, kind in each.parts(self.document).items()},
                each.examples(self.document),
                each.streams(self.document),
                _paging(self.document, each),
            )
            for each in operations(self.document)
        }

    @_tags.default
    def _read_tags(self) -> dict[Members, Tags]:
        return tags_of(self.document)

    @property
    def has_events(self) -> bool:
        """Say whether a stream of events has to be parsed."""
        return any(kind in EVENTS for each in self._operations.values() for kind, _ in each.streams.values())

    def tags(self, union: UnionProperty) -> Tags | None:
        """Return what tells the members of a union apart, None if the spec does not say."""
        return self._tags.get(frozenset(_classes(union))) if self._tags else None

    @staticmethod
    def competing(union: UnionProperty) -> bool:
        """Say whether several members may hold one value, which an enum of theirs decides."""
        members = [each for each in union.inner_properties if each.get_base_type_string() != PythonCode("None")]
        return len(members) > 1 and any(isinstance(each, _MAY_HOLD_ENUMS) for each in members)

    @staticmethod
    def models(union: UnionProperty) -> list[ModelProperty]:
        """Return the objects that one value may be; none if there is only one."""
        models = [each for each in union.inner_properties if isinstance(each, ModelProperty)]
        return models if len(models) > 1 else []

    @staticmethod
    def lists(union: UnionProperty) -> list[ListProperty]:
        """Return the lists that one value may be; none if only one of them holds objects."""
        lists = [each for each in union.inner_properties if isinstance(each, ListProperty)]
        return lists if sum(map(_holds_objects, lists)) > 1 else []

    def is_compared(self, union: UnionProperty) -> bool:
        """Say whether it is one of several objects or lists, or null, and nothing else."""
        compared = [*self.models(union), *self.lists(union)]
        others = [each for each in union.inner_properties if each not in compared]
        return bool(compared) and all(isinstance(each, NoneProperty) for each in others)

    @staticmethod
    def has_any(union: UnionProperty) -> bool:
        """Say whether any value fits."""
        return any(isinstance(each, AnyProperty) for each in union.inner_properties)

    @staticmethod
    def texts(union: UnionProperty) -> dict[PythonIdentifier, str]:
        """Return the members whose texts must be written exactly as their format says: there are other texts."""
        forms = {PythonCode("datetime.datetime"): "date-time", PythonCode("datetime.date"): "date"}
        forms |= {PythonCode("UUID"): "uuid"}
        types = [each.get_base_type_string() for each in union.inner_properties]
        has_others = any(isinstance(each, StringProperty | EnumProperty) for each in union.inner_properties)
        if sum(each in forms for each in types) + has_others < 2:
            return {}
        if not has_others:  # a naive date-time of a careless server is nothing else, either
            forms[PythonCode("datetime.datetime")] = "local"
        pairs = zip(union.inner_properties, types, strict=True)
        return {each.python_name: forms[kind] for each, kind in pairs if kind in forms}

    @staticmethod
    def bodies(endpoint: Endpoint) -> list[tuple[PythonCode, Body]]:
        """Return the bodies with the types that tell them apart: of two media types of one type, the first."""
        by_type: dict[str, Body] = {}
        for body in endpoint.bodies:
            by_type.setdefault(_instance_type(body.prop), body)
        return [(PythonCode(name), by_type[name]) for name in sorted(by_type, key=lambda name: name == "object")]

    @staticmethod
    def media_type(body: Body) -> UntrustedString:
        """Return what a body is sent as; only `text/*` has a charset."""
        kind = body.content_type.get_untrusted_value()
        return UntrustedString(kind if kind.startswith("text/") else kind.removesuffix(CHARSET))

    def operation(self, endpoint: Endpoint) -> Operation:
        """Return what the spec says about an endpoint."""
        return self._operations[endpoint.tags[0], endpoint.name]

    def answers(self, endpoint: Endpoint) -> Answers:
        """Return the documented answers, sorted."""
        return Answers(endpoint.responses, self.operation(endpoint).streams)

    def pages(self, endpoint: Endpoint) -> Pages | None:
        """Return how the pages of an operation follow one another, if the spec says so."""
        paging, answers = self.operation(endpoint).paging, self.answers(endpoint)
        success = next((each for each in answers.responses.patterns if is_of(each, "2")), None)
        if paging is None or success is None or answers.stream:
            return None
        items, at = _attributes(success.prop, paging.items), _attributes(success.prop, paging.at)
        if items is None or at is None or not isinstance(listed := _without_null(items[1]), ListProperty):
            return None
        method = f"iter_{endpoint.name}"
        while (endpoint.tags[0], method) in self._operations:
            method += "_"
        parameter = UntrustedString(paging.parameter)
        return Pages(method, paging.kind, items[0], at[0], parameter, paging.first, listed.inner_property)

    @staticmethod
    def summary(endpoint: Endpoint) -> UntrustedString:
        """Return the first words of the docstring: the spec's, or the request."""
        request = UntrustedString(f"Send {endpoint.method.upper()} {endpoint.path.get_untrusted_value()}.")
        return endpoint.summary or endpoint.description or request

    @staticmethod
    def path(endpoint: Endpoint) -> UntrustedString:
        """Return the path without the query that it may end in."""
        return UntrustedString(endpoint.path.get_untrusted_value().partition("?")[0])

    @staticmethod
    def fixed_query(endpoint: Endpoint) -> list[tuple[UntrustedString, UntrustedString]]:
        """Return the query that stands in the path; httpx drops it beside parameters."""
        pairs = parse_qsl(endpoint.path.get_untrusted_value().partition("?")[2], keep_blank_values=True)
        return [(UntrustedString(name), UntrustedString(value)) for name, value in pairs]

    def query(self, endpoint: Endpoint) -> list[tuple[UntrustedString, PythonCode]]:
        """Return the names of the query and the code that writes their values."""
        styles, aliases = self.operation(endpoint).styles, self.operation(endpoint).aliases
        written = []
        for each in endpoint.query_parameters:
            code, alias = str(each.python_name), each.name.get_untrusted_value()
            name = UntrustedString(aliases.get(alias, alias))
            match styles.get(alias):
                case "deepObject":
                    code = f'_wire.deep({code}, "{in_double_quote_literal(name)}")'
                case str(delimiter):
                    code = f'_wire.joined({code}, "{delimiter}")'
            written.append((name, PythonCode(code)))
        return written

    def example(self, endpoint: Endpoint) -> UntrustedString | None:
        """Return a call with the values that the spec gives as examples, None if a required one has none."""
        values, arguments = self.operation(endpoint).examples, self.arguments(endpoint)
        needed = [each for each in arguments if each.is_required] or [each for each in arguments if each.name in values]
        if not needed or not all(each.is_plain and each.name in values for each in needed):
            return None
        shown_values = ", ".join(f"{each.name}={_literal(values[each.name])}" for each in needed)
        return (
            UntrustedString(f"client.{endpoint.tags[0]}.{endpoint.name}({shown_values})")
            if len(shown_values) <= _LONGEST
            else None
        )

    def arguments(self, endpoint: Endpoint) -> list[Argument]:
        """Return the arguments: parameters, then the body or its fields; the required ones first."""
        key = (endpoint.tags[0], endpoint.name)
        if key not in self._arguments:  # the templates ask eleven times
            self._arguments[key] = self._read_arguments(endpoint)
        return self._arguments[key]

    def _read_arguments(self, endpoint: Endpoint) -> list[Argument]:
        operation = self.operation(endpoint)
        arguments = [
            _argument(prop, operation.described.get(key), sensitive=key in operation.secret_parameters)
            for where, prop in endpoint.iter_all_parameters()
            for key in [(where, prop.name.get_untrusted_value())]
        ]
        flat = self.flat_body(endpoint)
        if flat is None and endpoint.bodies:
            arguments.append(_body_argument(endpoint.bodies, sensitive=operation.secret_body))
        for prop in flat or []:
            secret = self._is_secret(endpoint.bodies[0].prop, prop)
            arguments += [_argument(prop, sensitive=secret)]
        return sorted(arguments, key=lambda each: not each.is_required)

    @staticmethod
    def idempotency_key(endpoint: Endpoint) -> PythonIdentifier | None:
        """Return the argument that is sent as Idempotency-Key, if it is an optional text."""
        for prop in endpoint.header_parameters:
            if prop.name.get_untrusted_value().lower() == "idempotency-key":
                return prop.python_name if isinstance(prop, StringProperty) and not prop.required else None
        return None

    def flat_body(self, endpoint: Endpoint) -> list[Property] | None:
        """Return the fields that stand for the body, None where it is one argument.

        Whole: several media types, no object, an optional body (none is not the same as an empty one), an object that
        is open by declaration, fields that share a name with a parameter.
        """
        if len(endpoint.bodies) != 1:
            return None
        [body] = endpoint.bodies
        model = body.prop
        if not isinstance(model, ModelProperty) or not model.required or body.body_type not in _FLAT:
            return None
        answered = self._read_only(model)
        fields = [*(model.required_properties or []), *(model.optional_properties or [])]
        fields = [each for each in fields if each.name.get_untrusted_value() not in answered]
        taken = {prop.python_name for _, prop in endpoint.iter_all_parameters()}
        if model.data.additionalProperties or not fields or taken & {each.python_name for each in fields}:
            return None
        return fields

    def _read_only(self, model: ModelProperty) -> frozenset[str]:
        """Return the names of the properties that only an answer has."""
        name = model.class_info.name
        if name not in self._answered:
            schema = model.data.model_dump(mode="json", by_alias=True, exclude_unset=True)
            self._answered[name] = read_only(self.document, schema)
        return self._answered[name]

    def imports(self, endpoints: Iterable[Endpoint], *, prefix: str) -> list[str]:
        """Return the import lines for the signatures of some endpoints, and for reading their answers."""
        lines: set[str] = set()
        for endpoint in endpoints:
            properties = [*endpoint.list_all_parameters(), *(self.flat_body(endpoint) or [])]
            items = [pages.prop] if (pages := self.pages(endpoint)) else []
            for prop in [*properties, *items, *(response.prop for response in endpoint.responses)]:
                lines |= prop.get_imports(prefix=prefix) | prop.get_lazy_imports(prefix=prefix)
        return sorted(lines)

    def declaration(self, model: ModelProperty, prop: Property) -> PythonCode:
        """Return the attribute's line in the model, its value hidden in the repr when it is a secret."""
        declaration = prop.to_string().as_unembedded_code()
        if not self._is_secret(model, prop):
            return PythonCode(declaration)
        target, has_default, default = declaration.partition(" = ")
        arguments = f"default={default}, repr=_wire.hidden" if has_default else "repr=_wire.hidden"
        return PythonCode(f"{target} = _attrs_field({arguments})")

    def _is_secret(self, model: Property, prop: Property) -> bool:
        if not isinstance(model, ModelProperty):
            return False
        name = model.class_info.name
        if name not in self._secrets:
            self._secrets[name] = sensitive_properties(self.document, model)
        return prop.name.get_untrusted_value() in self._secrets[name]


def _paging(document: Document, operation: OperationFacts) -> Paging | None:
    try:
        return paging(document, operation)
    except PagesError:  # which the linter reports
        return None


def _attributes(prop: PropertyProtocol, names: Iterable[str]) -> tuple[list[PythonIdentifier], PropertyProtocol] | None:
    """Return the attributes on the way to a property, and the property; None if there is none."""
    path = []
    for name in names:
        model = _without_null(prop)
        inner = (
            [*(model.required_properties or []), *(model.optional_properties or [])]
            if isinstance(model, ModelProperty)
            else []
        )
        if (attribute := next((each for each in inner if each.name.get_untrusted_value() == name), None)) is None:
            return None
        prop = attribute
        path.append(attribute.python_name)
    return path, prop


def _without_null(prop: PropertyProtocol) -> PropertyProtocol:
    members = (
        [each for each in prop.inner_properties if not isinstance(each, NoneProperty)]
        if isinstance(prop, UnionProperty)
        else []
    )
    return members[0] if len(members) == 1 else prop


def _classes(union: UnionProperty) -> Iterator[str]:
    for each in union.inner_properties:
        if isinstance(each, ModelProperty):
            yield each.class_info.name
        elif each.get_base_type_string() != PythonCode("None"):
            yield ""


def _holds_objects(prop: PropertyProtocol) -> bool:
    match prop:
        case ListProperty():
            return _holds_objects(prop.inner_property)
        case UnionProperty():
            return any(map(_holds_objects, prop.inner_properties))
        case _:
            return isinstance(prop, ModelProperty)


def _literal(value: Any) -> str:
    shown = repr(value)
    return f'"{value}"' if shown == f"'{value}'" and '"' not in value else shown


def _instance_type(prop: PropertyProtocol) -> str:
    """Return the type for `isinstance`, which knows no `list[int]`, no `Any` and no `Literal`."""
    if isinstance(prop, UnionProperty):
        return " | ".join(dict.fromkeys(map(_instance_type, prop.inner_properties)))
    name = prop.get_instance_type_string().as_unembedded_code()
    return "object" if name == "Any" or name.startswith("Literal[") else name


def _argument(prop: Property, description: str | None = None, *, sensitive: bool) -> Argument:
    text = UntrustedString(description) if description else prop.description
    return Argument(prop.python_name, prop.to_string(), text, sensitive)


def _body_argument(bodies: list[Body], *, sensitive: bool) -> Argument:
    types = sorted({body.prop.get_type_string(no_optional=True).as_unembedded_code() for body in bodies})
    declaration = f"body: {' | '.join(types)}"
    if not all(body.prop.required for body in bodies):
        declaration += " | Unset = UNSET"
    return Argument(PythonIdentifier("body", ""), PythonCode(declaration), None, sensitive)

"""The answers of an operation as the templates need them: what reads each, and what a call promises."""

from attrs import define
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.responses import Response, Responses
from openapi_python_client.strings import PythonCode

from generator.spec.streams import EVENTS


@define(frozen=True)
class Reader:
    """A line of the table of answers; `response` is set where a function of the module reads the body."""

    key: str
    reader: str
    response: Response | None


@define(frozen=True)
class Answers:
    """The documented answers of an operation; `streams` says by status how the items of an answer are written."""

    responses: Responses
    streams: dict[str, tuple[str, str]]

    @property
    def readers(self) -> list[Reader]:
        """Return the table. `default` describes the successes where nothing else does."""
        if self._redirects:
            redirects = [Reader(_key(each), "_wire.location", None) for each in self._redirects]
            return [
                *redirects,
                *(_reader(each, _key(each)) for each in self.responses.patterns if not is_of(each, "3")),
            ]
        if self.stream:
            return [Reader('"2XX"', "STREAM", None), *(_reader(each, _key(each)) for each in self._refusals)]
        readers = [_reader(each, _key(each)) for each in self.responses.patterns]
        if default := self.responses.default:
            readers.append(_reader(default, '"default"'))
            if not any(is_of(each, "2") for each in self.responses.patterns):
                readers.append(Reader('"2XX"', readers[-1].reader, None))
        return readers

    @property
    def _redirects(self) -> list[Response]:
        """Return the redirects of an operation that answers nothing else but refusals."""
        has_success = self.responses.default or any(is_of(each, "2") for each in self.responses.patterns)
        return [] if has_success else [each for each in self.responses.patterns if is_of(each, "3")]

    @property
    def stream(self) -> Response | None:
        """Return the success that arrives item by item; the only one that is read, then."""
        return next((each for each in self.responses.patterns if str(each.status_code.pattern) in self.streams), None)

    @property
    def _refusals(self) -> list[Response]:
        return [each for each in self.responses.patterns if not is_of(each, "2")]

    @property
    def item(self) -> Reader | None:
        """Return how one item of the stream is read: the key is the function of `streams`."""
        if (stream := self.stream) is None:
            return None
        kind, prop = self.streams[str(stream.status_code.pattern)][0], stream.prop
        named = prop.get_type_string().as_unembedded_code()
        if isinstance(prop, ModelProperty):
            return Reader(kind, f"{named}.from_dict", None)
        plain = {"Any": "_streams.anything", "str": "_streams.anything" if kind == "texts" else "_streams.string"}
        return Reader(kind, plain[named], None) if named in plain else Reader(kind, "_read_item", stream)

    @property
    def is_file(self) -> bool:
        """Say whether a success is nothing but bytes."""
        return self.type.as_unembedded_code() == "File"

    @property
    def asynchronous_type(self) -> PythonCode:
        """Return what the method of an asynchronous resource promises."""
        return PythonCode(self.type.as_unembedded_code().replace("_streams.Stream[", "_streams.AsyncStream["))

    @property
    def type(self) -> PythonCode:
        """Return what `call` promises."""
        if stream := self.stream:
            kind, _ = self.streams[str(stream.status_code.pattern)]
            item = _type_of(stream)
            return PythonCode(f"_streams.Stream[{f'_streams.Event[{item}]' if kind in EVENTS else item}]")
        if self._redirects:
            return PythonCode("str")
        successes = [each for each in self.responses.patterns if is_of(each, "2")]
        default = [self.responses.default] if self.responses.default else []
        types = {_type_of(answer) for answer in successes or default} or {"None"}
        if "Any" in types:
            return PythonCode("Any")
        return PythonCode(" | ".join(sorted(types, key=lambda name: (name == "None", name))))


def _key(answer: Response) -> str:
    lowest, highest = answer.status_code.range or (0, 0)
    return str(lowest) if lowest == highest else f'"{lowest // 100}XX"'


def _reader(answer: Response, key: str) -> Reader:
    source, prop = answer.source["attribute"], answer.prop
    named = prop.get_type_string().as_unembedded_code()
    if source == "None":
        return Reader(key, "None", None)
    if source == "response.json()" and (isinstance(prop, ModelProperty) or named == "Any"):
        return Reader(key, "_wire.json" if named == "Any" else named, None)
    if source == "response.text" and named in {"Any", "str"}:
        return Reader(key, "_wire.text_body", None)
    return Reader(key, f"_read_{key.strip(chr(34)).lower()}", answer)


def _type_of(answer: Response) -> str:
    if answer.source["attribute"] == "None":
        return "None"
    return answer.prop.get_type_string().as_unembedded_code()


def is_of(response: Response, digit: str) -> bool:
    """Say whether an answer is of a class of statuses."""
    return response.status_code.pattern.startswith(digit)

"""The login extensions: what each field becomes in `contract.py`, and what the linter says of one that cannot work."""

import ast
import copy
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from signedin_sdk import types

from generator.diff.compare import compare_contract
from generator.lint import Finding, extensions, shapes
from generator.package.generation import generate_package
from generator.spec.contract import contract
from generator.spec.document import Document
from generator.spec.operations import operations
from generator.spec.overlay import overlaid
from generator.spec.sensitive import secret_parameters
from tests.generator.conftest import ROOT
from tests.generator.specs import minimal

HERE: Final = Path(__file__).parent
BASE: Final[dict[str, Any]] = yaml.safe_load((HERE / "contract.yaml").read_text("utf-8"))
CASES: Final[dict[str, Any]] = yaml.safe_load((HERE / "contract_cases.yaml").read_text("utf-8"))
MAIN: Final = ("components", "securitySchemes", "main")
START: Final = {
    "operationId": "refresh",
    "request": {"refreshToken": "refresh_token"},
    "response": {"accessToken": "access_token", "refreshToken": "refresh_token"},
    "expired": [{"status": 401}],
}
Change = tuple[tuple[str, ...], Any]


def api(refresh: Any, *changes: Change, scheme: Any = None) -> Document:
    """Return the API with an extension on its scheme, and other nodes of the document changed."""
    data = copy.deepcopy(BASE)
    scheme = scheme or data["components"]["securitySchemes"]["main"]
    put(data, MAIN, {**scheme, "x-signedin-refresh": refresh})
    for place, value in changes:
        put(data, place, copy.deepcopy(value))
    return Document(Path("openapi.yaml"), b"", data)


def started(over: dict[str, Any]) -> dict[str, Any]:
    """Return START with other fields; a `url` takes the place of its operation."""
    refresh = {**START, **over}
    return {name: each for name, each in refresh.items() if name != "operationId" or each or "url" not in over}


def put(data: Any, place: tuple[str, ...], value: Any) -> None:
    for step in place[:-1]:
        data = data.setdefault(step, {})
    data[place[-1]] = value


def findings(document: Document) -> list[Finding]:
    return [finding for rule in extensions.RULES for finding in rule(document)]


def cases(name: str, *arguments: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(arguments, CASES[name])


@cases("fields", "over", "expected")
def test_a_field_becomes_a_part_of_the_contract(over: dict[str, Any], expected: str) -> None:
    assert expected in contract(api(started(over)))["refresh"]


def test_what_has_its_default_is_not_written() -> None:
    assert contract(api(START))["refresh"] == (
        "RefreshContract(scheme='main', request=TokenRequest(operation_id='refresh', method='post', url='/refresh', "
        "encoding='json', refresh_token=Place(where='body', name='/refresh_token')), response=TokenResponse("
        "access_token=Place(where='body', name='/access_token'), refresh_token=Place(where='body', "
        "name='/refresh_token')), expired=(Sign(status=401), ), dead=(Sign(status=400), Sign(status=401), "
        "Sign(status=403), ), error_properties=frozenset({'code'}))"
    )


PRESET: Final = (
    "refresh_token=Place(where='body', name='/refresh_token'), constants=(Constant(place=Place(where='body', "
    "name='/grant_type'), value='refresh_token'), )), response=TokenResponse(access_token=Place(where='body', "
    "name='/access_token'), refresh_token=Place(where='body', name='/refresh_token'), absent='keep', "
    "expires=Expires(place=Place(where='body', name='/expires_in'), unit='seconds')), expired=(Sign(status=401, "
    "place=Place(where='header', name='WWW-Authenticate'), values=('invalid_token', )), ), dead=("
)


@cases("presets", "scheme", "over", "expected")
def test_the_preset_fixes_what_the_rfcs_fix_and_the_rest_overrides_it(scheme: Any, over: Any, expected: str) -> None:
    document = api({"preset": "oauth2", **over}, scheme=scheme)
    assert expected.replace("PRESET", PRESET) in contract(document)["refresh"]
    assert not [finding for finding in findings(document) if finding.is_error]


def test_the_provider_of_a_discovery_document_revokes_with_what_the_refresh_has() -> None:
    scheme = {"type": "openIdConnect", "openIdConnectUrl": "https://id.example/d"}
    refresh = {"preset": "oauth2", "request": {"settings": {"client_id": {"in": "body"}}}}
    document = api(refresh, (("paths", "/logout"), {}), scheme=scheme)
    assert contract(document)["revoke"] == (
        "RevokeContract(request=TokenRequest(operation_id=None, method='post', url='', encoding='form', refresh_token="
        "Place(where='body', name='/token'), constants=(Constant(place=Place(where='body', name='/token_type_hint'), "
        "value='refresh_token'), ), settings=(Setting(name='client_id', place=Place(where='body', "
        "name='/client_id')), )))"
    )


def test_the_header_of_an_api_key_takes_the_token() -> None:
    document = api(START, scheme={"type": "apiKey", "in": "header", "name": "X-Token"})
    assert "attach=Place(where='header', name='X-Token')" in contract(document)["refresh"]
    assert findings(document) == []


def test_servers_of_the_operation_count() -> None:
    own = (
        ("paths", "/refresh", "post", "servers"),
        [{"url": "https://id.example/{realm}", "variables": {"realm": {"default": "a"}}}],
    )
    assert "url='https://id.example/a/refresh'" in contract(api(START, own))["refresh"]


def test_an_operation_has_json_before_a_form_where_both_have_the_token() -> None:
    def encoding(**schemas: str) -> str:
        content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}} for kind, name in schemas.items()}
        content = {
            f"application/{kind.replace('form', 'x-www-form-urlencoded')}": each for kind, each in content.items()
        }
        body = ("paths", "/refresh", "post", "requestBody"), {"required": True, "content": content}
        return str(contract(api(START, body))["refresh"]).partition("encoding=")[2].partition(",")[0]

    assert encoding(form="Refresh", json="Refresh") == "'json'"
    assert encoding(form="Refresh", json="Me") == "'form'"


@cases("tokens", "value", "expected")
def test_an_operation_that_issues_may_differ_from_the_refresh(value: Any, expected: str) -> None:
    document = api(START, (("paths", "/login", "post", "x-signedin-tokens"), value))
    assert expected in contract(document)["issues"]
    assert findings(document) == []


def test_a_document_without_extensions_has_no_contract() -> None:
    document = Document(Path("openapi.yaml"), b"", {**BASE, "paths": {}})
    parts = contract(document)
    assert (parts["refresh"], parts["revoke"], parts["issues"]) == ("None", "None", "()")


@cases("bad", "over", "message")
def test_what_could_not_be_sent_or_read_is_an_error(over: dict[str, Any], message: str) -> None:
    errors = [finding.message for finding in findings(api(started(over))) if finding.is_error]
    assert any(message in each for each in errors), errors


@cases("operations", "place", "value", "message")
def test_operations_that_the_contract_does_not_fit_are_errors(place: list[str], value: Any, message: str) -> None:
    errors = [finding.message for finding in findings(api(START, (tuple(place), value))) if finding.is_error]
    assert any(message in each for each in errors), errors


def test_a_scheme_that_puts_no_token_into_a_header_is_an_error() -> None:
    [finding] = findings(api(START, scheme={"type": "apiKey", "in": "query", "name": "t"}))
    assert finding.is_error
    assert "puts no token into a header" in finding.message


def test_a_constant_in_a_body_that_is_closed_is_an_error() -> None:
    refresh = {**START, "request": {"refreshToken": "refresh_token", "constants": {"mode": "a"}}}
    [finding] = findings(api(refresh, (("components", "schemas", "Refresh", "additionalProperties"), False)))
    assert finding.is_error
    assert "has no text '/mode'" in finding.message


def test_what_only_the_preset_names_may_be_absent() -> None:
    pair = {"type": "object", "properties": {"access_token": {"type": "string"}}}
    document = api({"preset": "oauth2", "operationId": "token"}, (("components", "schemas", "Pair"), pair))
    assert [finding for finding in findings(document) if finding.is_error] == []


def test_issues_without_a_contract_are_errors() -> None:
    document = Document(Path("openapi.yaml"), b"", copy.deepcopy(BASE))
    messages = [finding.message for finding in findings(document) if finding.is_error]
    assert messages == [
        f"'{name}' issues tokens, and no security scheme has an x-signedin-refresh."
        for name in ("login", "refresh", "token", "empty")
    ]


@cases("warned", "over", "message")
def test_what_the_document_does_not_declare_is_a_warning(over: dict[str, Any], message: str) -> None:
    warnings = findings(api(started(over)))
    assert [finding for finding in warnings if finding.is_error] == []
    assert any(message in finding.message for finding in warnings), warnings


def test_the_warning_of_an_undocumented_401_shows_the_overlay() -> None:
    [finding] = findings(api(START, (("paths", "/me", "get", "responses"), {"200": {"description": "Fine."}})))
    assert not finding.is_error
    action = yaml.safe_load(finding.advice.partition("actions: ")[2])
    assert action == [
        {
            "target": "$['paths']['/me']['get'].responses",
            "update": {"401": {"description": "The token has expired."}},
        }
    ]


def test_a_setting_answers_for_the_key_that_an_operation_asks_for() -> None:
    key = ("components", "securitySchemes", "key"), {"type": "apiKey", "in": "header", "name": "apikey"}
    security: Change = ("paths", "/refresh", "post", "security"), [{"key": []}]
    request = {"refreshToken": "refresh_token", "settings": {"apikey": {"in": "header"}}}
    assert findings(api({**START, "request": request}, key, security)) == []
    assert findings(api(START, key, security))


def test_no_finding_for_properties_that_only_the_other_direction_has() -> None:
    name = ("components", "schemas", "Refresh")
    both = {"access": {"type": "string", "readOnly": True}, "refresh_token": {"type": "string"}}
    document = api(START, (name, {"type": "object", "required": ["access", "refresh_token"], "properties": both}))
    assert findings(document) == []


def test_the_package_says_how_to_begin_with_it(tmp_path: Path) -> None:
    generate_package(api(START), tmp_path / "shop_sdk")
    text = ast.get_docstring(ast.parse((tmp_path / "shop_sdk" / "__init__.py").read_text())) or ""
    example = textwrap.dedent(text.partition("`AsyncResources`:\n")[2])
    assert example.split() == [
        *("import", "signedin", "import", "shop_sdk"),
        *("class", "Shop(signedin.SignedInClient,", "shop_sdk.Resources):", "api", "=", "shop_sdk.contract"),
        *("with", "Shop('https://shop.example/v1')", "as", "client:", "client.auth.login(...)"),
    ]
    ast.parse(example)


def test_a_package_without_a_contract_says_how_to_add_one(tmp_path: Path) -> None:
    generate_package(Document(tmp_path / "openapi.yaml", b"", minimal()), tmp_path / "shop_sdk")
    text = (tmp_path / "shop_sdk" / "__init__.py").read_text()
    assert "no security scheme has an `x-signedin-refresh`" in text
    assert "SignedInClient" not in text


def test_secrets_of_the_contract_are_hidden_without_a_mark(tmp_path: Path) -> None:
    request = {"refreshToken": "refresh_token", "settings": {"realm": {"in": "body"}}}
    credentials = ("components", "schemas", "Credentials", "properties")
    texts = {name: {"type": "string"} for name in ("email", "newPassword", "clientSecret")}
    document = api({**START, "request": request}, (credentials, {**texts, "lostPassword": {"type": "boolean"}}))
    generate_package(document, tmp_path / "shop_sdk")
    hidden = {
        name: re.findall(r"(?m)^    (\w+): .*_wire\.hidden", (tmp_path / f"shop_sdk/models/{name}.py").read_text())
        for name in ("credentials", "refresh", "pair", "me")
    }
    assert hidden == {
        "credentials": ["new_password", "client_secret"],
        "refresh": ["refresh_token", "access_token", "realm"],
        "pair": ["access_token", "refresh_token"],
        "me": [],
    }


def test_a_parameter_that_the_contract_names_is_a_secret() -> None:
    request = {"refreshToken": {"in": "header", "name": "X-Refresh"}}
    parameters = [{"in": "header", "name": name, "schema": {"type": "string"}} for name in ("X-Refresh", "X-Trace")]
    document = api({**START, "request": request}, (("paths", "/me", "get", "parameters"), parameters))
    [operation] = [each for each in operations(document) if each.id == "getMe"]
    assert list(secret_parameters(document, operation)) == [("header", "X-Refresh")]


@cases("changes", "old", "new", "expected")
def test_a_change_of_the_contract_has_its_level(old: Any, new: Any, expected: str | None) -> None:
    changes = list(compare_contract(*(api(started(over)) for over in (old, new))))
    assert [f"{each.level.name.lower()} {each.where.removeprefix('x-signedin-refresh/')}" for each in changes] == (
        [expected] if expected else []
    )


def test_what_follows_from_the_documented_refusals_is_no_change_of_the_contract() -> None:
    assert list(compare_contract(api(START), api(START, (("components", "schemas", "Error", "required"), [])))) == []


def test_a_change_of_what_an_operation_does_to_tokens_has_its_level() -> None:
    place = ("paths", "/login", "post", "x-signedin-tokens")
    plain = api(START)
    for more, level in (({"optional": True}, "MINOR"), ({"response": {"accessToken": "jwt"}}, "BREAKING")):
        [change] = compare_contract(plain, api(START, (place, {"effect": "issues", **more})))
        assert (change.rule, change.level.name, change.where) == ("x-signedin-tokens-changed", level, "login")


FULL: Final = yaml.safe_load("""
operationId: token
request:
  refreshToken: refresh_token
  accessToken: {in: bearer}
  constants: {grant_type: refresh_token}
  settings: {client_id: {in: body}, key: {in: header, name: X-Key}}
  client: basic
  carry: [{from: {in: cookie, name: a}, to: {in: header, name: B}}]
response:
  accessToken: /data/token
  refreshToken: {in: cookie, name: rt, absent: keep}
  expires: {at: expires_in, as: seconds}
expired: [{status: 401, at: code, in: [a, 1]}, {status: 401, header: A, contains: b}]
dead: [400, {status: 401, property: code, equals: x}]
grace: {seconds: 5, times: 2, header: Idempotency-Key}
attach: {header: A, prefix: 'b '}
subject: [a]
renew: refresh
""")


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


JUNK: Final[list[Any]] = [None, 5, True, "", "a\nb", [], [None], {}, {"in": []}, {"status": 401}]


def test_whatever_stands_in_a_field_is_an_error_or_can_be_read() -> None:
    for path in places(FULL):
        for junk in JUNK:
            refresh = copy.deepcopy(FULL)
            node = refresh
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = junk
            document = api(refresh)
            if not any(finding.is_error for finding in findings(document)):
                eval(contract(document)["refresh"], vars(types))


PAGE: Final = (ROOT / "docs" / "contract.md").read_text("utf-8")
EXAMPLES: Final = [yaml.safe_load(text) for text in re.findall(r"(?s)```yaml\n(.*?)```", PAGE)]
OAUTH2: Final = {"type": "oauth2", "flows": {"password": {"tokenUrl": "https://id.example/token", "scopes": {}}}}


@pytest.mark.parametrize("example", EXAMPLES, ids=json.dumps)
def test_an_example_of_the_page_is_read_and_has_no_errors(example: dict[str, Any], tmp_path: Path) -> None:
    refresh = example.get("x-signedin-refresh", {})
    if "preset" in refresh:
        document = api(refresh, scheme=OAUTH2)
    elif "overlay" in example:
        (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(example), encoding="utf-8")
        document = overlaid(Document(tmp_path / "openapi.yaml", b"", copy.deepcopy(BASE)), [tmp_path / "overlay.yaml"])
    else:
        tokens = example.get("x-signedin-tokens", {"effect": "issues"})
        document = api({**START, **refresh}, (("paths", "/login", "post", "x-signedin-tokens"), tokens))
    assert [finding for finding in findings(document) if finding.is_error] == []
    assert contract(document)["refresh"] != "None"


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [("", shapes.REFRESH), ("request.", "request"), ("response.", "response"), ("", "issues"), ("", "revokes")],
)
def test_the_page_has_a_row_for_every_field(prefix: str, kind: str) -> None:
    rows = set(re.findall(r"(?m)^\| `([\w.]+)` \|", PAGE))
    fields = {f"{prefix}{name}" for name in shapes.SCHEMA["$defs"][kind]["properties"]}
    assert fields - {"request", "response"} <= rows

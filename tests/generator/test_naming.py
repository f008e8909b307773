"""How methods and classes are called: by the function, the override, the component; and where names meet."""

from pathlib import Path
from typing import Any

import pytest

from generator.spec.document import load
from generator.spec.operations import operations
from tests.generator.conftest import generate_package, imported
from tests.generator.specs import as_yaml, minimal


def names(tmp_path: Path, *paths: dict[str, dict[str, Any]]) -> list[str]:
    """Return the names of the methods of operations under the tag `users` unless they have another."""
    spec = minimal()
    answers = {"200": {"description": "Fine."}}
    for path in paths:
        for where, nodes in path.items():
            spec["paths"][where] = {
                method: {"tags": ["users"], "responses": answers, **node} for method, node in nodes.items()
            }
    del spec["paths"]["/things"]
    (tmp_path / "openapi.yaml").write_text(as_yaml(spec), encoding="utf-8")
    return [each.module for each in operations(load(tmp_path / "openapi.yaml"))]


@pytest.mark.parametrize(
    ("path", "method", "node", "name"),
    [
        ("/auth/token", "post", {"operationId": "login_auth_token_post"}, "login"),
        ("/items/{item_id}", "get", {"operationId": "read_item_items__item_id__get"}, "read_item"),
        ("/", "get", {"operationId": "root__get"}, "root"),
        ("/users/me", "get", {"operationId": "users_me_users_me_get"}, "me"),
        ("/users", "get", {"operationId": "UsersController_findAll"}, "find_all"),
        ("/users", "get", {"operationId": "users_list"}, "users_list"),
        ("/users", "get", {"operationId": "users_get"}, "get"),
        ("/users", "get", {"operationId": "users_2"}, "users_2"),
        ("/users", "get", {"operationId": "usersOnly"}, "only"),
        ("/users", "get", {"operationId": "listUsers"}, "list_users"),
        ("/users", "get", {"operationId": "a", "x-speakeasy-name-override": "findAll"}, "find_all"),
        ("/users", "get", {"operationId": "a", "x-fern-sdk-method-name": "list"}, "list_"),
        ("/users", "get", {"operationId": "a", "x-signedin-method": "b", "x-fern-sdk-method-name": "c"}, "b"),
        ("/users", "get", {"operationId": "a", "x-signedin-method": "--"}, "a"),
    ],
)
def test_a_method_has_the_name_of_the_function_or_of_the_override(
    path: str, method: str, node: dict[str, Any], name: str, tmp_path: Path
) -> None:
    assert names(tmp_path, {path: {method: node}}) == [name]


def test_of_operations_that_would_share_a_name_the_first_by_path_has_it_in_any_order(tmp_path: Path) -> None:
    first, second = {"operationId": "get_a_get"}, {"operationId": "get_b_get"}
    assert names(tmp_path, {"/a": {"get": first}}, {"/b": {"get": second}}) == ["get", "get_b_get"]
    assert names(tmp_path, {"/b": {"get": second}}, {"/a": {"get": first}}) == ["get_b_get", "get"]
    other_tag = {**second, "tags": ["more"]}
    assert names(tmp_path, {"/a": {"get": first}}, {"/b": {"get": other_tag}}) == ["get", "get"]
    assert names(tmp_path, {"/a": {"get": first}}, {"/z": {"get": {"operationId": "get"}}}) == ["get_a_get", "get"]


def test_classes_are_named_by_their_components_and_inline_ones_by_the_operation_id(tmp_path: Path) -> None:
    spec = minimal()
    for suffix in ("Input", "Output"):
        properties = {"label": {"type": "string"}}
        spec["components"]["schemas"][f"ArticleListItem-{suffix}"] = {"title": "Article", "properties": properties}
    spec["components"]["schemas"]["Thing"]["title"] = "A thing of theirs"
    get = spec["paths"]["/things"]["get"]
    get["operationId"] = "list_things_get"
    a_text = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = {"required": True, "content": {"application/json": {"schema": a_text}}}
    spec["paths"]["/things"]["post"] = {**get, "operationId": "create_things_post", "requestBody": body}
    package = imported(generate_package(as_yaml(spec), tmp_path / "naming_sdk"))
    assert package.models.Thing.__doc__.strip().startswith("A thing of theirs")
    wanted = {"ArticleListItemInput", "ArticleListItemOutput", "CreateThingsPostBody", "Thing"}
    assert set(package.models.__all__) == wanted
    things = package.resources.Resources(lambda call: call).things
    assert (things.create(a="x").operation.id, hasattr(things, "list_things_get")) == ("create_things_post", True)

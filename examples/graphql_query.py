"""GraphQL behind the same login: `client.http` brings the token, whatever the spec lacks.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/graphql_query.py
"""

from typing import Any

from signedin import Client


def query(client: Client, text: str, **variables: Any) -> Any:
    """Return the data of a query.

    Raises:
        RuntimeError: The answer has errors; GraphQL says so with status 200.
    """
    response = client.http.post("/graphql", json={"query": text, "variables": variables})
    payload = response.raise_for_status().json()
    if errors := payload.get("errors"):
        raise RuntimeError(errors[0]["message"])
    return payload["data"]


if __name__ == "__main__":
    with Client(store="file:") as signed_in:
        print(query(signed_in, "query($first: Int!) { orders(first: $first) { id } }", first=10))

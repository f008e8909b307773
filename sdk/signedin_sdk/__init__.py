"""A client library for accessing signedin

Begin with a client that stays signed in; the async one is `AsyncSignedInClient` with `AsyncResources`:

    import signedin
    import signedin_sdk

    class Signedin(signedin.SignedInClient, signedin_sdk.Resources):
        api = signedin_sdk.contract

    with Signedin('http://localhost:5000/api/v1') as client:
        client.auth.login(...)
"""

from . import contract
from .resources import AsyncResources, Resources

__all__ = ("AsyncResources", "Resources", "contract")

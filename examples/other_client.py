"""Any httpx client behind the same login: BearerAuth brings the session's token, refreshed when needed.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/other_client.py
"""

import secrets

import httpx
from signedin import BearerAuth, Client

with Client() as client:
    client.auth.register(email=f"ada+{secrets.token_hex(4)}@example.com", password=secrets.token_urlsafe(16))
    profile_url = f"{client.session.base_url}/users/profile"
    # Another origin gets no token, unless the Client was made with origins=["https://other.example.com"].
    auth = BearerAuth(client.session)
    # The hook keeps bodies at home, should the server redirect a request to another origin.
    with httpx.Client(
        auth=auth, event_hooks={"request": [auth.refuse_redirect_off_origin]}, follow_redirects=True
    ) as other:
        answer = other.get(profile_url)
    print(answer.status_code, sorted(answer.json()))
    client.logout()

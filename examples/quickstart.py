"""Sign up, call, sign out. The tokens are nobody's business but the client's.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/quickstart.py
"""

import secrets

from signedin import Client, NotSignedInError

email, password = f"ada+{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(16)

with Client() as client:
    client.auth.register(email=email, password=password)
    profile = client.users.get_profile()  # typed; refreshed and sent again when needed
    print(f"signed in as {profile.email} since {profile.created_at:%H:%M}")
    client.logout()
    try:
        client.users.get_profile()
    except NotSignedInError as error:
        print(error)

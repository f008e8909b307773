"""Fifty threads, one client, one refresh: session events tell what happened.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/parallel.py
"""

import secrets
from concurrent.futures import ThreadPoolExecutor

from signedin import Client

with Client() as client, ThreadPoolExecutor(50) as pool:
    client.auth.register(email=f"ada+{secrets.token_hex(4)}@example.com", password=secrets.token_urlsafe(16))
    client.session.on("refreshed", lambda event: print(f"refreshed: generation {event.generation}"))
    client.session.refresh()
    calls = [pool.submit(client.users.get_profile) for _ in range(50)]
    print(f"{len({call.result().id for call in calls})} user, {len(calls)} calls")
    client.logout()

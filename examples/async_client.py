"""The same calls, awaited: fifty tasks share one session, and at most one refresh.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/async_client.py
"""

import asyncio
import secrets

from signedin import AsyncClient


async def main() -> None:
    """Read the profile fifty times at once."""
    async with AsyncClient() as client:
        await client.auth.register(email=f"ada+{secrets.token_hex(4)}@example.com", password=secrets.token_urlsafe(16))
        profiles = await asyncio.gather(*(client.users.get_profile() for _ in range(50)))
        print(f"{len(profiles)} profiles of {profiles[0].email}")
        await client.logout()


asyncio.run(main())

"""A fleet of RQ workers on one service account: one sign-in and one refresh for all, in the Redis that they share.

SIGNEDIN_BASE_URL=... SIGNEDIN_STORE=redis://localhost:6379/0 rq worker
"""

from signedin import Client


def report() -> str:
    """Do a job as the service account, which `signedin login` signed in once, with the same SIGNEDIN_STORE."""
    with Client() as client:  # RQ forks for each job: make the client in the job
        return client.users.get_profile().email


# Where it is enqueued, an outage is tried again, for RefreshUnavailableError keeps the tokens:
#     Queue(connection=Redis()).enqueue(report, retry=Retry(max=3, interval=60))

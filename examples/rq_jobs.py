"""A fleet of RQ workers on one service account: one sign-in and one refresh for all, in the Redis that they share.

SIGNEDIN_BASE_URL=... SIGNEDIN_STORE=redis://localhost:6379/0 rq worker --with-scheduler
"""

from redis import Redis
from rq import Queue, Retry
from rq.job import Job
from signedin import Client


def report() -> str:
    """Do a job as the service account, which `signedin login` signed in once, with the same SIGNEDIN_STORE."""
    with Client() as client:  # RQ forks for each job: make the client in the job
        return client.users.get_profile().email


def enqueue(connection: Redis, jobs: int) -> list[Job]:
    """Have so many jobs done. One that fails in an outage runs again later: the tokens outlive it."""
    queue = Queue(connection=connection)
    return [queue.enqueue(report, retry=Retry(max=3, interval=60)) for _ in range(jobs)]


if __name__ == "__main__":
    with Redis() as redis:
        enqueue(redis, 10)

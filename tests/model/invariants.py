"""What must hold in every state, on every step, at every end. Named as in the protocol (docs/how-refresh-works.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signedin._tokens import Status

from tests.model.world import GRACE_TIMES, NAP, TIMING, number_of, pair_of

if TYPE_CHECKING:
    from tests.model.world import Outcome, World


CHECKED = ("I1", "I2", "I3", "I4", "I5", "I7", "I8", "I10", "I11", "I12")


def broken(before: World, after: World) -> str | None:
    """Return the name of an invariant that this step breaks."""
    return (
        _sent_once_without_faults(after)
        or _sent_again_only_as_the_same_attempt(after)
        or _generation_never_goes_back(before, after)
        or _pairs_are_whole(after)
        or _logout_wins(after)
        or _dead_only_if_refused(before, after)
        or _dead_is_never_retried(before, after)
        or _grace_saves_the_session(after)
    )


def _sent_once_without_faults(world: World) -> str | None:
    tokens = [p.token for p in world.server.log]
    if not world.faulted and len(tokens) != len(set(tokens)):
        return "I1: without faults each refresh token is sent exactly once"
    return None


def _sent_again_only_as_the_same_attempt(world: World) -> str | None:
    attempts: dict[str, str] = {}
    for presentation in world.server.log:
        if attempts.setdefault(presentation.token, presentation.attempt) != presentation.attempt:
            return "I2: a token is sent again only with the same attempt id"
    return None


def _generation_never_goes_back(before: World, after: World) -> str | None:
    if after.record.generation < before.record.generation:
        return "I3: the generation never goes back"
    if after.record is not before.record and after.record.revision <= before.record.revision:
        return "I3: every write has a higher revision"
    if before.record.pair and after.record.pair and after.record.family == before.record.family:
        was, now = (number_of(r.pair.refresh_token)[1] for r in (before.record, after.record) if r.pair)
        if now < was:
            return "I3: an older pair never replaces a newer one"
    return None


def _pairs_are_whole(world: World) -> str | None:
    pair = world.record.pair
    if pair is not None and number_of(pair.access_token) != number_of(pair.refresh_token):
        return "I4: no access token of one generation beside the refresh token of another"
    return None


def _logout_wins(world: World) -> str | None:
    if world.record.status is Status.ACTIVE and world.record.family in world.signed_out:
        return "I8: after a sign-out there is no active record of that family"
    return None


def _dead_only_if_refused(before: World, after: World) -> str | None:
    if after.record.status is Status.DEAD and before.record.status is Status.ACTIVE and before.record.pair:
        refused = {p.token for p in after.server.log if p.answer == "refused"}
        if before.record.pair.refresh_token not in refused:
            return "I10: DEAD only if the server refused the current generation"
    return None


def _dead_is_never_retried(before: World, after: World) -> str | None:
    new = after.server.log[len(before.server.log) :]
    earlier = {p.token for p in before.server.log if p.answer == "refused"}
    if before.record.status is Status.DEAD and not before.faulted and any(p.token in earlier for p in new):
        return "I12: DEAD is never retried"
    return None


def _grace_saves_the_session(world: World) -> str | None:
    server = world.server
    if server.kind == "grace" and not server.outside_grace:
        if any(p.answer == "refused" for p in server.log) and not world.signed_out and server.families[0].revoked:
            return "I11: with grace, and faults within it, no family is revoked"
        if world.record.status is Status.DEAD and not world.signed_out:
            return "I11: with grace, and faults within it, nobody has to sign in again"
    again = max((family.again for family in server.families), default=0)
    return "I2: presented again more often than the grace allows" if again > GRACE_TIMES else None


def _saved_by_grace(world: World) -> bool:
    return world.server.kind == "grace" and not world.server.outside_grace and not world.left


def broken_by(outcome: Outcome, world: World) -> str | None:
    """Return the name of an invariant that the end of a round breaks."""
    # Sleeps are coarse here: the last one may begin just before the deadline. A process that is stopped sees none.
    if outcome.took > TIMING.flight + NAP and not world.stalled:
        return f"I5: every flight ends within its bound, not after {outcome.took:g} s"
    if outcome.name == "expired" and _saved_by_grace(world):
        return "I11: with grace, and faults within it, nobody is told to sign in again"
    landing = outcome.landing
    if landing is None:
        return None
    if landing.record.pair is None:
        return "I12: a session that is over is not landed on"
    if not landing.saved:
        return None
    if world.record.generation < landing.record.generation:
        return "I7: saved before published"
    return None


def broken_at_end(world: World) -> str | None:
    """Return the name of an invariant that does not hold once all processes are through."""
    for name, index in (("ada", 0), ("bob", 1)):
        last = pair_of(index, world.server.families[index].current).refresh_token
        if name in world.signed_out and last not in world.server.revoked and not world.faulted:
            return f"I8: the last pair that {name} obtained is revoked, also one obtained after the sign-out"
    return None

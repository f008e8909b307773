"""What must hold in every state, on every step, at every end. Named as in the protocol (docs/how-refresh-works.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signedin._tokens import Status

from tests.model.world import NAP, TIMING, number_of, pair_of

if TYPE_CHECKING:
    from signedin._flight import Landing
    from signedin._tokens import Record, TokenPair

    from tests.model.world import Outcome, World


CHECKED = ("I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12", "I16")


def broken(before: World, after: World) -> str | None:
    """Return the name of an invariant that this step breaks."""
    if after.server.log is not before.server.log and (breach := _broken_by_a_presentation(before, after)):
        return breach
    if after.record is not before.record and (breach := _broken_by_a_write(before, after)):
        return breach
    return _sent_boundedly_often(after) or _grace_saves_the_session(after)


# ------------------------------------------------------------------------------------------------- a token is presented


def _broken_by_a_presentation(before: World, after: World) -> str | None:
    return (
        _sent_once_without_faults(after)
        or _only_what_was_refused_is_refreshed(after)
        or _sent_again_only_as_the_same_attempt(after)
        or _sent_again_only_in_doubt(after)
        or _dead_is_never_retried(before)
    )


def _sent_once_without_faults(world: World) -> str | None:
    tokens = [p.token for p in world.server.log]
    if not world.faulted and len(tokens) != len(set(tokens)):
        return "I1: without faults each refresh token is sent exactly once"
    return None


def _only_what_was_refused_is_refreshed(world: World) -> str | None:
    new = world.server.log[-1]
    family, number = number_of(new.token)
    # Every round of a host replaces the pair that it holds: a newer one is for it to adopt.
    if world.processes[new.sender].got[family] < number:
        return "I1: a pair that another has just obtained is adopted, not refreshed again"
    return None


def _sent_again_only_as_the_same_attempt(world: World) -> str | None:
    new = world.server.log[-1]
    if any(p.token == new.token and p.attempt != new.attempt for p in world.server.log):
        return "I2: a token is sent again only with the same attempt id"
    return None


def _sent_again_only_in_doubt(world: World) -> str | None:
    new = world.server.log[-1]
    family, number = number_of(new.token)
    # A process that was stopped just before it sent cannot know.
    if world.processes[new.sender].got[family] > number and not world.stalled:
        return "I2: a token whose successor is in hand is not sent again"
    return None


def _dead_is_never_retried(before: World) -> str | None:
    if before.record is not None and before.record.status is Status.DEAD and not before.stalled:
        return "I12: DEAD is never retried"
    return None


def _sent_boundedly_often(world: World) -> str | None:
    if any(process.sent > TIMING.resends + 1 for process in world.processes):
        return "I2: a flight sends boundedly often"
    return None


# ------------------------------------------------------------------------------------------------- a record is written


def _broken_by_a_write(before: World, after: World) -> str | None:
    was, now = before.record, after.record
    if was is None or now is None:  # lost, or begun anew
        return None
    return (
        _generation_never_goes_back(was, now)
        or _pairs_are_whole(now)
        or _another_user_is_left_alone(was, now)
        or _logout_wins(now, after)
        or _dead_only_if_refused(was, now, after)
    )


def _generation_never_goes_back(was: Record, now: Record) -> str | None:
    if now.generation < was.generation:
        return "I3: the generation never goes back"
    if now.revision <= was.revision:
        return "I3: every write has a higher revision"
    if was.pair and now.pair and now.family == was.family and _number(now.pair) < _number(was.pair):
        return "I3: an older pair never replaces a newer one"
    return None


def _pairs_are_whole(now: Record) -> str | None:
    if now.pair is not None and number_of(now.pair.access_token) != number_of(now.pair.refresh_token):
        return "I4: no access token of one generation beside the refresh token of another"
    return None


def _another_user_is_left_alone(was: Record, now: Record) -> str | None:
    if was.family == "bob" and now.family != "bob":
        return "I9: the pair of who has signed in since is not replaced by one of the user before"
    return None


def _logout_wins(now: Record, world: World) -> str | None:
    if now.status is Status.ACTIVE and now.family in world.signed_out:
        return "I8: after a sign-out there is no active record of that family"
    return None


def _dead_only_if_refused(was: Record, now: Record, world: World) -> str | None:
    if now.status is Status.DEAD and was.pair is not None:
        refused = {p.token for p in world.server.log if p.answer == "refused"}
        if was.pair.refresh_token not in refused:
            return "I10: DEAD only if the server refused the current generation"
    return None


def _number(pair: TokenPair) -> int:
    return number_of(pair.refresh_token)[1]


# ----------------------------------------------------------------------------------------------------------- the grace


def _grace_saves_the_session(world: World) -> str | None:
    hers = world.record is not None and world.record.family == "ada"
    if hers and _saved_by_grace(world) and world.server.families[0].revoked:
        return "I11: with grace, and faults within it, no family is revoked"
    return None


def _saved_by_grace(world: World) -> bool:
    # A lease is no lock: who is stopped for longer, between the last look and the send, may be two refreshes late.
    overtaken = world.stalled and world.server.outrun
    return world.server.kind == "grace" and not (world.server.outside_grace or overtaken or world.left)


# ------------------------------------------------------------------------------------------------------- a round ends


def broken_by(outcome: Outcome, world: World) -> str | None:
    """Return the name of an invariant that the end of a round breaks."""
    # Sleeps are coarse here: the last one may begin just before the deadline. A process that is stopped sees none.
    if outcome.took > TIMING.flight + NAP and not world.stalled:
        return f"I5: every flight ends within its bound, not after {outcome.took:g} s"
    if outcome.name == "expired" and _saved_by_grace(world):
        return "I11: with grace, and faults within it, nobody must sign in again"
    if outcome.landing is not None and outcome.replacing is not None:
        return _broken_by_a_landing(outcome.landing, outcome.replacing, world)
    return None


def _broken_by_a_landing(landing: Landing, before: Record, world: World) -> str | None:
    landed, stored = landing.record, world.record
    if landed.pair is None:
        return "I12: a session that is over is not landed on"
    if landed.family == before.family and landed.generation <= before.generation:
        return "I16: nobody lands on a pair that is not newer than the one refused"
    if landing.saved and stored and stored.family == landed.family and stored.generation < landed.generation:
        return "I7: saved before published"
    return None


def broken_at_end(world: World) -> str | None:
    """Return the name of an invariant that does not hold once all processes are through."""
    if world.faulted:
        return None
    hers, his = (pair_of(index, family.current) for index, family in enumerate(world.server.families))
    for name, last in (("ada", hers), ("bob", his)):
        if name in world.signed_out and last.refresh_token not in world.server.revoked:
            return f"I8: the last pair that {name} obtained is revoked, also one obtained after the sign-out"
    if _number(hers) > world.newest_stored and hers.refresh_token not in world.server.revoked:
        return "I8: a pair that came too late to be kept is revoked"
    return None

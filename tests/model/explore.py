"""The explorer: every interleaving and every fault of a scenario, each state once.

A running function can neither be copied nor hashed. A process is named by its history of answers, which is stored as a
tree of nodes; its strand is rebuilt from that history whenever the search comes back to an earlier point.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from signedin._tokens import Record, Status, TokenPair
from signedin.protocols import NotSent, Refused, Renewed, Unknown

from tests.model import invariants, port
from tests.model.port import OVER, Fails, Strand
from tests.model.world import AWAY, NAP, STALL, TIMING, LockKind, Lost, Outcome, Process, World, number_of, signing_out

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


@dataclass(slots=True)
class Tree:
    """All histories of one program; those that leave the same behind when a round ends go on as one."""

    program: Callable[[], None]
    parents: list[tuple[int, Any]] = field(default_factory=lambda: [(-1, None)])
    draws: list[int] = field(default_factory=lambda: [0])  # by node: how many names were drawn on the way there
    rounds: dict[Hashable, int] = field(default_factory=dict)
    children: dict[tuple[int, Any], int] = field(default_factory=dict)
    calls: dict[int, Any] = field(default_factory=dict)
    live: dict[int, Strand] = field(default_factory=dict)  # strands that stand exactly at a node

    def call(self, node: int) -> Any:
        """Return what the program calls after this history; `OVER` at its end."""
        if node not in self.calls:
            strand = self.live[node] = Strand(self.program)
            self.calls[node] = strand.go_on()
        return self.calls[node]

    def after(self, node: int, answer: Any) -> int:
        """Return the node that an answer leads to."""
        if (child := self.children.get((node, answer))) is not None:
            return child
        call, draws = self.calls[node], self.draws[node]
        left = (draws, call.leaves) if isinstance(call, Outcome) else None
        if left in self.rounds:
            child = self.children[node, answer] = self.rounds[left]
            self.live.pop(node, None)
            return child
        strand = self.live.pop(node, None) or self._rebuilt(node)
        child = len(self.parents)
        self.parents.append((node, answer))
        self.draws.append(draws + isinstance(call, port.Draw))
        self.children[node, answer] = child
        if left is not None:
            self.rounds[left] = child
        self.calls[child] = strand.go_on(answer)
        if self.calls[child] is not OVER:
            self.live[child] = strand
            if len(self.live) > 2000:
                self.live.pop(next(iter(self.live)))
        return child

    def _rebuilt(self, node: int) -> Strand:
        answers = []
        while node != 0:
            node, answer = self.parents[node]
            answers.append(answer)
        strand = Strand(self.program)
        strand.go_on()
        for answer in reversed(answers):
            strand.go_on(answer)
        return strand


class Broken(AssertionError):  # noqa: N818 -- it says what an invariant is
    """An invariant does not hold; the message has the path that shows it."""


@dataclass(slots=True)
class Explorer:
    """One scenario: its programs, the rules of its lock, and what was seen so far."""

    programs: list[Any]
    lock: LockKind
    trees: list[Tree] = field(init=False)
    reached: set[str] = field(default_factory=set)
    states: int = 0

    def __post_init__(self) -> None:
        self.trees = [Tree(program) for program in self.programs]

    def exhaust(self, start: World, limit: int) -> None:
        """Visit every state once, depth first."""
        start = self._settle_all(start)
        seen = {start}
        path: list[tuple[World, Iterator[tuple[str, World]]]] = [(start, self._moves(start))]
        names: list[str] = []
        while path:
            move = self._next(path[-1][1], names)
            if move is None:
                if len(path[-1][0].processes) == sum(p.over for p in path[-1][0].processes):
                    self._judge(names, path[-1][0], path[-1][0], end=True)
                path.pop()
                if names:
                    names.pop()
                continue
            name, world = move
            self._judge([*names, name], path[-1][0], world)
            before = len(seen)
            seen.add(world)
            if len(seen) == before:
                continue
            if before >= limit:
                raise Broken(f"more than {limit} states: bound the scenario")
            path.append((world, self._moves(world)))
            names.append(name)
        self.states += len(seen)

    def walk(self, start: World, seed: int) -> None:
        """Take one random path to its end."""
        chance, world, names = random.Random(seed), self._settle_all(start), [f"seed {seed}"]
        while moves := list(self._moves(world)):
            name, after = chance.choice(moves)
            names.append(name)
            self._judge(names, world, after)
            world = after
            self.states += 1
        self._judge(names, world, world, end=True)

    @staticmethod
    def _next(moves: Iterator[tuple[str, World]], names: list[str]) -> tuple[str, World] | None:
        try:
            return next(moves, None)
        except Broken as broken:  # by the end of a round, which comes with the move
            raise Broken("\n  ".join([str(broken), *names])) from None

    def _judge(self, names: list[str], before: World, after: World, *, end: bool = False) -> None:
        broken = invariants.broken(before, after) or (invariants.broken_at_end(after) if end else None)
        if broken is not None:
            raise Broken(f"{broken}\n  " + "\n  ".join(names))

    def _moves(self, world: World) -> Iterator[tuple[str, World]]:
        ready = [i for i, p in enumerate(world.processes) if not p.over and p.asleep_until is None]
        for index in ready:
            yield from self._steps(world, index)
            if world.crashes:
                yield f"{index} crashes", self._crashed(world, index)
        asleep = [p.asleep_until for p in world.processes if p.asleep_until is not None]
        if not ready and asleep:
            yield "time passes", self._at(world, min(asleep))
        if world.stalls and ready:
            stalled = world._replace(stalls=world.stalls - 1, faulted=True, stalled=True)
            yield "all stall", self._at(stalled, world.time + STALL)

    def _steps(self, world: World, index: int) -> Iterator[tuple[str, World]]:
        process = world.processes[index]
        if process.answered:
            yield f"{index} hears {_short(process.answer)}", self._goes_on(world, index, process.answer)
            return
        call = self.trees[index].call(process.node)
        name = f"{index} {_short(call)}"
        for what, after, answer, waits in self._outcomes(world, index, call):
            if waits:
                waiting = process._replace(answer=answer, answered=True, sent=process.sent + 1)
                yield f"{name} {what}", _with(after, index, waiting)
            else:
                yield f"{name} {what}", self._goes_on(after, index, answer)

    def _outcomes(self, world: World, index: int, call: Any) -> Iterator[tuple[str, World, Any, bool]]:
        """Yield (what happened, the world after it, the answer, whether the answer is still on its way)."""
        match call:
            case port.Post(pair, attempt):
                yield from self._post_outcomes(world, pair.refresh_token or "", attempt, index)
            case port.Revoke(pair):
                yield "", world._replace(server=world.server.revoke(pair.refresh_token or "")), None, False
                if world.faults:
                    yield "lost", _faulty(world), None, False
            case Lost():
                yield "", world._replace(record=None), None, False
            case _:
                for what, after, answer in self._store_outcomes(world, index, call):
                    yield what, after, answer, False

    def _store_outcomes(self, world: World, index: int, call: Any) -> Iterator[tuple[str, World, Any]]:
        """Yield what the store does, and how it may fail: before it was done, or after, when its answer is lost."""
        if world.time < world.away_until:
            yield "away", world, Fails("the store is away")
            return
        done, answer, what = self._done_by_the_store(world, index, call)
        yield what, done, answer
        if world.faults:
            yield "fails", _faulty(world), Fails("the store is away")
            if done is not world:
                yield "fails late", _faulty(done), Fails("no answer")
        if world.outages and isinstance(call, port.CompareAndSet):
            gone = world._replace(outages=world.outages - 1, faulted=True, away_until=world.time + AWAY)
            yield "fails, for long", gone, Fails("the store is away")

    def _done_by_the_store(self, world: World, index: int, call: Any) -> tuple[World, Any, str]:
        match call:
            case port.Load():
                return world, world.record, ""
            case port.CompareAndSet(expected, record):
                won = (world.record.revision if world.record else 0) == expected
                after = _written(world, record) if won else world
                if self.programs[index] is signing_out:
                    after = after._replace(left=True)
                return after, won, "won" if won else "lost"
            case port.TryLock():
                free = world.lock is None or (self.lock == "lease" and world.lock[1] <= world.time)
                after = world._replace(lock=(str(index), world.time + int(TIMING.lease))) if free else world
                return after, free, "taken" if free else "held by another"
        return self._unlocked(world, index), None, ""

    def _post_outcomes(
        self, world: World, token: str, attempt: str, index: int
    ) -> Iterator[tuple[str, World, Any, bool]]:
        server, pair = world.server.present(token, attempt, index, world.time)
        arrived = world._replace(server=server)
        answer = Renewed(pair) if pair else Refused("status 401")
        yield "answered", arrived, answer, True
        if world.faults:
            yield "lost on the way", _faulty(world), Unknown("reset"), True
            yield "answer lost", _faulty(arrived), Unknown("reset"), True
            yield "not sent", _faulty(world), NotSent("refused"), True

    def _goes_on(self, world: World, index: int, answer: Any) -> World:
        process = world.processes[index]
        node = self.trees[index].after(process.node, answer)
        got = _newest(process.got, answer.pair) if isinstance(answer, Renewed) else process.got
        return self._settled(_with(world, index, Process(node, sent=process.sent, got=got)), index)

    def _settled(self, world: World, index: int) -> World:
        """Answer what no other process can see: clocks, names, sleeping, and what became of a round."""
        tree = self.trees[index]
        while True:
            process = world.processes[index]
            call, sent, got = tree.call(process.node), process.sent, process.got
            match call:
                case port.Now():
                    answer: Any = float(world.time)
                case port.Draw():
                    answer = f"attempt {index}.{tree.draws[process.node]}"
                case port.Sleep(seconds):
                    nap = AWAY if seconds >= AWAY else NAP
                    return _with(world, index, process._replace(asleep_until=world.time + nap))
                case Outcome():
                    self.reached.add(call.name)
                    self._demand(invariants.broken_by(call, world))
                    answer, sent = None, 0
                    got = _newest(got, call.landing.record.pair) if call.landing else got
                case _:
                    return _with(world, index, process._replace(over=True)) if call is OVER else world
            world = _with(world, index, Process(tree.after(process.node, answer), sent=sent, got=got))

    @staticmethod
    def _demand(broken: str | None) -> None:
        if broken is not None:
            raise Broken(broken)

    def _settle_all(self, world: World) -> World:
        for index in range(len(world.processes)):
            world = self._settled(world, index)
        return world

    def _at(self, world: World, time: int) -> World:
        world = world._replace(time=max(time, world.time))
        for index, process in enumerate(world.processes):
            if process.asleep_until is not None and process.asleep_until <= world.time:
                world = self._goes_on(world, index, None)
        return world

    def _crashed(self, world: World, index: int) -> World:
        gone = _with(world, index, Process(world.processes[index].node, over=True))
        gone = gone._replace(crashes=world.crashes - 1, faulted=True)
        # The kernel gives a dead process's flock back; a lease stays until it ends.
        return self._unlocked(gone, index) if self.lock == "flock" else gone

    @staticmethod
    def _unlocked(world: World, index: int) -> World:
        return world._replace(lock=None) if world.lock and world.lock[0] == str(index) else world


def _with(world: World, index: int, process: Process) -> World:
    return world._replace(processes=(*world.processes[:index], process, *world.processes[index + 1 :]))


def _faulty(world: World) -> World:
    return world._replace(faults=world.faults - 1, faulted=True)


def _written(world: World, record: Record) -> World:
    if record.pair is None:
        ended = {record.family} if record.status is Status.SIGNED_OUT else set()
        return world._replace(record=record, signed_out=world.signed_out | ended)
    family, number = number_of(record.pair.refresh_token)
    return world._replace(
        record=record, newest_stored=max(world.newest_stored, number) if family == 0 else world.newest_stored
    )


def _newest(got: tuple[int, int], pair: TokenPair | None) -> tuple[int, int]:
    if pair is None:
        return got
    family, number = number_of(pair.refresh_token)
    return (max(got[0], number), got[1]) if family == 0 else (got[0], max(got[1], number))


def _short(what: Any) -> str:
    return getattr(what, "token", None) or type(what).__name__

"""The explorer: every interleaving and every fault of a scenario, each state once.

Generators neither copy nor hash. A process is named by its history of answers, which is kept as a tree of nodes; its
generator is rebuilt from that history whenever the search comes back to an earlier point.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from signedin import _flight
from signedin.errors import TokenStoreError
from signedin.typing import NotSent, Refused, Renewed, Unknown

from tests.model import invariants
from tests.model.world import NAP, STALL, TIMING, LockKind, Outcome, Process, World, signing_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_OVER = object()


@dataclass(frozen=True, slots=True)
class Fails:
    """An answer that is an exception, raised at the yield."""

    message: str


@dataclass(slots=True)
class Tree:
    """All histories of one program."""

    program: Any
    parents: list[tuple[int, Any]] = field(default_factory=lambda: [(-1, None)])
    children: dict[tuple[int, Any], int] = field(default_factory=dict)
    effects: dict[int, Any] = field(default_factory=dict)
    live: dict[int, Any] = field(default_factory=dict)  # generators that stand exactly at a node

    def effect(self, node: int) -> Any:
        """Return what the program yields after this history; `_OVER` at its end."""
        if node not in self.effects:
            generator = self.program()
            self.effects[node] = self._first(generator)
            self.live[node] = generator
        return self.effects[node]

    def after(self, node: int, answer: Any) -> int:
        """Return the node that an answer leads to."""
        if (child := self.children.get((node, answer))) is not None:
            return child
        generator = self.live.pop(node, None) or self._rebuilt(node)
        child = len(self.parents)
        self.parents.append((node, answer))
        self.children[node, answer] = child
        self.effects[child] = self._step(generator, answer)
        if self.effects[child] is not _OVER:
            self.live[child] = generator
            if len(self.live) > 2000:
                self.live.pop(next(iter(self.live)))
        return child

    def _rebuilt(self, node: int) -> Any:
        answers = []
        while node != 0:
            node, answer = self.parents[node]
            answers.append(answer)
        generator = self.program()
        self._first(generator)
        for answer in reversed(answers):
            self._step(generator, answer)
        return generator

    @staticmethod
    def _first(generator: Any) -> Any:
        try:
            return next(generator)
        except StopIteration:
            return _OVER

    @staticmethod
    def _step(generator: Any, answer: Any) -> Any:
        try:
            return (
                generator.throw(TokenStoreError(answer.message))
                if isinstance(answer, Fails)
                else generator.send(answer)
            )
        except StopIteration:
            return _OVER


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

    # ------------------------------------------------------------------------------------------------ two searches

    def exhaust(self, start: World, limit: int) -> None:
        """Visit every state once, depth first."""
        start = self._settle_all(start)
        seen = {start}
        path: list[tuple[World, Iterator[tuple[str, World]]]] = [(start, self._moves(start))]
        names: list[str] = []
        while path:
            move = next(path[-1][1], None)
            if move is None:
                if len(path[-1][0].processes) == sum(p.over for p in path[-1][0].processes):
                    self._judge(names, path[-1][0], path[-1][0], end=True)
                path.pop()
                if names:
                    names.pop()
                continue
            name, world = move
            self._judge([*names, name], path[-1][0], world)
            if world in seen:
                continue
            seen.add(world)
            if len(seen) > limit:
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

    def _judge(self, names: list[str], before: World, after: World, *, end: bool = False) -> None:
        broken = invariants.broken(before, after) or (invariants.broken_at_end(after) if end else None)
        if broken is not None:
            raise Broken(f"{broken}\n  " + "\n  ".join(names))

    # ------------------------------------------------------------------------------------------------------- moves

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
            stalled = replace(world, stalls=world.stalls - 1, faulted=True, stalled=True)
            yield "all stall", self._at(stalled, world.time + STALL)

    def _steps(self, world: World, index: int) -> Iterator[tuple[str, World]]:
        process = world.processes[index]
        if process.answered:
            yield f"{index} hears {_short(process.answer)}", self._goes_on(world, index, process.answer)
            return
        effect = self.trees[index].effect(process.node)
        name = f"{index} {_short(effect)}"
        for what, after, answer, waits in self._outcomes(world, index, effect):
            if waits:
                waiting = replace(process, answer=answer, answered=True)
                yield f"{name} {what}", _with(after, index, waiting)
            else:
                yield f"{name} {what}", self._goes_on(after, index, answer)

    def _outcomes(self, world: World, index: int, effect: Any) -> Iterator[tuple[str, World, Any, bool]]:
        """Yield (what happened, the world after it, the answer, whether the answer is still on its way)."""
        match effect:
            case _flight.Load():
                yield "", world, world.record, False
            case _flight.CompareAndSet(expected, record):
                won = world.record.revision == expected
                after = _written(world, record) if won else world
                after = replace(after, left=after.left or self.programs[index] is signing_out)
                yield "won" if won else "lost", after, won, False
                if world.faults:
                    faulty = replace(world, faults=world.faults - 1, faulted=True)
                    yield "fails", faulty, Fails("the store is away"), False
                    yield "fails late", _written(faulty, record) if won else faulty, Fails("no answer"), False
            case _flight.TryLock():
                yield from self._lock_outcomes(world, index)
            case _flight.Unlock():
                yield "", self._unlocked(world, index), None, False
            case _flight.Post(pair, attempt):
                yield from self._post_outcomes(world, pair.refresh_token, attempt)
            case _flight.Revoke(pair):
                yield "", replace(world, server=world.server.revoke(pair.refresh_token)), None, False
                if world.faults:
                    yield "lost", replace(world, faults=world.faults - 1, faulted=True), None, False

    def _lock_outcomes(self, world: World, index: int) -> Iterator[tuple[str, World, Any, bool]]:
        free = world.lock is None or (self.lock == "lease" and world.lock[1] <= world.time)
        after = replace(world, lock=(str(index), world.time + int(TIMING.lease))) if free else world
        yield "taken" if free else "held by another", after, free, False

    def _post_outcomes(self, world: World, token: str, attempt: str) -> Iterator[tuple[str, World, Any, bool]]:
        server, pair = world.server.present(token, attempt, world.time)
        arrived = replace(world, server=server)
        answer = Renewed(pair) if pair else Refused("status 401")
        yield "answered", arrived, answer, True
        if world.faults:
            faults = world.faults - 1
            yield "lost on the way", replace(world, faults=faults, faulted=True), Unknown("reset"), True
            yield "answer lost", replace(arrived, faults=faults, faulted=True), Unknown("reset"), True
            yield "not sent", replace(world, faults=faults, faulted=True), NotSent("refused"), True

    # -------------------------------------------------------------------------------------------------- small change

    def _goes_on(self, world: World, index: int, answer: Any) -> World:
        process = world.processes[index]
        node = self.trees[index].after(process.node, answer)
        return self._settled(_with(world, index, Process(node)), index)

    def _settled(self, world: World, index: int) -> World:
        """Answer what no other process can see: clocks, names, sleeping, and what became of a round."""
        tree = self.trees[index]
        while True:
            process = world.processes[index]
            effect = tree.effect(process.node)
            match effect:
                case _flight.Now():
                    answer: Any = _flight.Instant(float(world.time), float(world.time))
                case _flight.Draw():
                    answer = f"attempt {index}.{process.node}"
                case _flight.Sleep():
                    return _with(world, index, replace(process, asleep_until=world.time + NAP))
                case Outcome():
                    self.reached.add(effect.name)
                    self._demand(invariants.broken_by(effect, world))
                    answer = None
                case _:
                    return _with(world, index, replace(process, over=True)) if effect is _OVER else world
            world = _with(world, index, Process(tree.after(process.node, answer)))

    @staticmethod
    def _demand(broken: str | None) -> None:
        if broken is not None:
            raise Broken(broken)

    def _settle_all(self, world: World) -> World:
        for index in range(len(world.processes)):
            world = self._settled(world, index)
        return world

    def _at(self, world: World, time: int) -> World:
        world = replace(world, time=max(time, world.time))
        for index, process in enumerate(world.processes):
            if process.asleep_until is not None and process.asleep_until <= world.time:
                node = self.trees[index].after(process.node, None)
                world = self._settled(_with(world, index, Process(node)), index)
        return world

    def _crashed(self, world: World, index: int) -> World:
        gone = _with(world, index, Process(world.processes[index].node, over=True))
        gone = replace(gone, crashes=world.crashes - 1, faulted=True)
        # The kernel gives a dead process's flock back; a lease stays until it ends.
        return self._unlocked(gone, index) if self.lock == "flock" else gone

    @staticmethod
    def _unlocked(world: World, index: int) -> World:
        return replace(world, lock=None) if world.lock and world.lock[0] == str(index) else world


def _with(world: World, index: int, process: Process) -> World:
    return replace(world, processes=(*world.processes[:index], process, *world.processes[index + 1 :]))


def _written(world: World, record: Any) -> World:
    ended = {world.record.family} if record.status.value == "signed_out" else set()
    return replace(world, record=record, signed_out=world.signed_out | ended)


def _short(what: Any) -> str:
    return getattr(what, "token", None) or type(what).__name__

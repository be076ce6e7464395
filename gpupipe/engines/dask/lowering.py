"""From origins to dask.dataframes: work on blocks that nothing separates becomes one stretch, one task a block.

Works are of one stretch where one is made of the other, block by block, unless the stretch would then wait for what is made of its own
blocks in other ways: for rows that are moved, or for another stretch. So a small table that goes with every block is waited for, and what
several demands need of a block is worked out in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.engines._block_engine import PACKED
from gpupipe.engines._blocks import TaskContext, block_engine
from gpupipe.engines._stretch import End, KeepBlock, PickResult, Stretch, Work
from gpupipe.engines.dask.blocks import Blocks, Held, Moved, Origin, Worked, mapped, meta_of


def lowered(origins: Sequence[Origin]) -> list[Any]:
    """Return a dask.dataframe of each of some origins, which are demanded together."""
    lowering = _Lowering(origins)
    return [lowering.frame(origin) for origin in origins]


def frame_of(blocks: Blocks) -> Any:
    """Return the dask.dataframe of a table by itself."""
    return lowered([blocks.origin])[0]


class _Lowering:
    """The origins behind some wanted ones, put into groups, and the dask.dataframes made of them so far."""

    def __init__(self, wanted: Sequence[Origin]) -> None:
        self._order = _in_order(wanted)
        self._groups = _grouped(self._order)
        self._kept = {id(origin) for origin in wanted}  # what must be there by itself, not within a stretch alone
        for origin in self._order:
            for given in () if isinstance(origin, Held) else origin.inputs:
                if isinstance(origin, Moved) or self._groups[id(given)] is not self._groups[id(origin)]:
                    self._kept.add(id(given))
        self._frames: dict[int, Any] = {}

    def frame(self, origin: Origin) -> Any:
        """Return the dask.dataframe of an origin."""
        if id(origin) not in self._frames:
            if isinstance(origin, Held):
                self._frames[id(origin)] = origin.frame
            elif isinstance(origin, Moved):
                self._frames[id(origin)] = origin.build(*(self.frame(given) for given in origin.inputs))
            else:
                self._stretch(self._groups[id(origin)])
        return self._frames[id(origin)]

    def _stretch(self, members: Sequence[Worked]) -> None:
        """Make the dask.dataframes of a group's results: of its ends, and of blocks that are needed elsewhere."""
        inside = {id(member) for member in members}
        outside = {id(given): given for member in members for given in member.inputs if id(given) not in inside}
        inputs = sorted(outside.values(), key=lambda given: -given.n_blocks)  # Dask maps the first one's partitions
        numbers = {id(given): number for number, given in enumerate(inputs)}
        works: list[tuple[TaskContext, Work, tuple[int, ...]]] = []
        for member in members:
            if isinstance(member.work, Work):
                numbers[id(member)] = len(inputs) + len(works)
                works.append((member.at, member.work, tuple(numbers[id(given)] for given in member.inputs)))
        ends: list[tuple[Worked, TaskContext, End, tuple[int, ...]]] = []
        for member in members:
            if isinstance(member.work, End):
                ends.append((member, member.at, member.work, tuple(numbers[id(given)] for given in member.inputs)))
            elif id(member) in self._kept:
                ends.append((member, member.at, KeepBlock(), (numbers[id(member)],)))
        last = members[-1]
        stretch = Stretch(last.at, tuple(given.schema for given in inputs), tuple(works), tuple(end[1:] for end in ends))
        metas = [_meta(member) for member, *_ in ends]
        made = mapped(stretch, _name(members), metas[0] if len(ends) == 1 else PACKED, *(self.frame(given) for given in inputs))
        if len(ends) == 1:
            self._frames[id(ends[0][0])] = made
            return
        for number, ((member, *_), meta) in enumerate(zip(ends, metas, strict=True)):
            self._frames[id(member)] = mapped(PickResult(number), f"pick-{_name([member])}", meta, made)


def _meta(member: Worked) -> Any:
    """Return what stands for the partitions of what a work makes."""
    return member.meta if member.schema is None else meta_of(member.schema, member.at.engine)


def _name(members: Sequence[Worked]) -> str:
    """Return what displays call a stretch: its last stage, else what it ends with."""
    stages = [getattr(member.work, "stage", None) for member in members]
    named = [stage.name for stage in stages if stage is not None]
    return named[-1] if named else type(members[-1].work).__name__


def _in_order(wanted: Sequence[Origin]) -> list[Origin]:
    """Return all that some origins are made of, and themselves, inputs first."""
    order: dict[int, Origin] = {}
    stack: list[tuple[Origin, bool]] = [(origin, False) for origin in reversed(wanted)]
    while stack:
        origin, is_ready = stack.pop()
        if is_ready:
            order.setdefault(id(origin), origin)
        elif id(origin) not in order:
            stack.append((origin, True))
            if not isinstance(origin, Held):
                stack += [(given, False) for given in reversed(origin.inputs)]
    return list(order.values())


def _grouped(order: Sequence[Origin]) -> dict[int, list[Any]]:
    """Return the group of each origin: works that are one stretch, or one origin alone; in order."""
    groups: dict[int, list[Any]] = {id(origin): [origin] for origin in order}
    for origin in order:
        if not isinstance(origin, Worked) or not block_engine(origin.at.engine).fuses:
            continue
        for given in origin.inputs:
            if isinstance(given, Worked) and given.n_blocks == origin.n_blocks:
                one, other = groups[id(given)], groups[id(origin)]
                if one is not other and not _waits(groups, one, other):
                    one += other
                    groups.update({id(member): one for member in other})
    place = {id(origin): number for number, origin in enumerate(order)}
    for group in {id(group): group for group in groups.values()}.values():
        group.sort(key=lambda member: place[id(member)])
    return groups


def _waits(groups: dict[int, list[Any]], one: list[Any], other: list[Any]) -> bool:
    """Whether two groups as one would wait for what is made of themselves by way of a third: rows that are moved, or another stretch."""
    both = (one, other)
    seen: set[int] = set()
    left = [given for group in both for given in _outside(groups, group, both)]
    while left:
        group = left.pop()
        if any(group is mine for mine in both):
            return True
        if id(group) not in seen:
            seen.add(id(group))
            left += _outside(groups, group, (group,))
    return False


def _outside(groups: dict[int, list[Any]], group: list[Any], inside: Sequence[list[Any]]) -> list[list[Any]]:
    """Return the groups that a group is made of, but for those that it is `inside` of."""
    inputs = (given for member in group if not isinstance(member, Held) for given in member.inputs)
    return [found for given in inputs if not any((found := groups[id(given)]) is mine for mine in inside)]

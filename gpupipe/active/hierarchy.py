"""Label hierarchies: classes, and the sets of them that an annotator can be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from gpupipe.core.errors import ColumnError, UsageError, listing, nearest

_MOST_LEVELS = 300


@dataclass(frozen=True)
class LabelHierarchy:
    """Classes, and questions "is its class one of these?": each class by itself, and each larger set that a tree or a DAG has a node for.

    Parameters
    ----------
    classes
        The classes, in an order in which a tree's sets are runs of neighbours.
    questions
        What each question is called: a class, or a node above classes.
    sets
        For each question the places of its classes, ascending.

    Examples
    --------
    >>> table = pa.table({"child": ["cat", "dog", "ant"], "parent": ["mammal", "mammal", "insect"]})
    >>> hierarchy = LabelHierarchy.from_table(table)
    >>> hierarchy.classes, hierarchy.questions
    (('ant', 'cat', 'dog'), ('ant', 'cat', 'dog', 'mammal'))
    >>> hierarchy.is_tree
    True
    """

    classes: tuple[str, ...]
    questions: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.questions) != len(self.sets):
            raise UsageError(f"LabelHierarchy expects a set for each question, got {len(self.questions)} and {len(self.sets)}.")
        n = self.n_classes
        wrong = next((one for one in self.sets if not 0 < len(one) < n or list(one) != sorted({*one} & {*range(n)})), None)
        if wrong is not None:
            raise UsageError(f"LabelHierarchy expects sets of some of {n} classes, their places ascending, got {wrong}.")

    @classmethod
    def from_table(cls, table: Any, *, child: str = "child", parent: str = "parent") -> LabelHierarchy:
        """Return the hierarchy of a table with a row for each child and parent; what is no parent is a class.

        Sets that are of all classes, or the same as another one's, are left out: the answer to such a question is known.

        Parameters
        ----------
        table
            An Arrow table, or a frame with ``to_arrow``, or one that Arrow takes from pandas.

        Raises
        ------
        ColumnError
            A column is not there.
        UsageError
            A name is missing, nothing is a class, or nodes form a cycle, which is told.
        """
        rows = _as_arrow(table)
        for name in (child, parent):
            if name not in rows.column_names:
                raise ColumnError.of(name, rows.column_names)
        pairs = list(zip(rows[child].to_pylist(), rows[parent].to_pylist(), strict=True))
        lacking = next((place for place, pair in enumerate(pairs) if pair[0] is None), None)
        if lacking is not None:
            raise UsageError(f"LabelHierarchy expects a child in each row, got none in row {lacking}. Drop the row.")
        children: dict[str, list[str]] = {}
        for one, above in pairs:
            children.setdefault(str(one), [])
            if above is not None:  # a row without a parent tells a class, or a root
                children.setdefault(str(above), [])
                children[str(above)] = sorted({*children[str(above)], str(one)})
        return cls._of(children)

    @classmethod
    def flat(cls, classes: Sequence[str]) -> LabelHierarchy:
        """Return the hierarchy of classes alone: each question is about one of them."""
        return cls._of({name: [] for name in classes})

    @classmethod
    def _of(cls, children: Mapping[str, Sequence[str]]) -> LabelHierarchy:
        """Return the hierarchy of what is below each node."""
        below = {one for each in children.values() for one in each}
        roots = sorted(name for name in children if name not in below)
        order: list[str] = []  # of the classes, depth first, so that a tree's nodes are runs
        leaves: dict[str, frozenset[str]] = {}
        for root in roots:
            _walk(root, children, [], leaves, order)
        for name in sorted(set(children) - set(leaves)):  # where no root leads, something goes round
            _walk(name, children, [], leaves, order)
        if len(order) < 2:
            raise UsageError(f"LabelHierarchy expects two classes or more, got {listing(order) or 'none'}.")
        place = {name: number for number, name in enumerate(order)}
        asked: dict[tuple[int, ...], str] = {(number,): name for name, number in place.items()}
        for name in sorted(name for name in children if children[name]):
            inside = tuple(sorted(place[one] for one in leaves[name]))
            if 1 < len(inside) < len(order):
                asked.setdefault(inside, name)
        return cls(tuple(order), tuple(asked.values()), tuple(asked))

    def halved(self, name: str = "one of") -> LabelHierarchy:
        """Return the hierarchy with the parts of each set halved, again and again.

        Of a set whose parts are many classes there is else nothing to ask but one class after the other.
        """
        asked = dict(zip(self.sets, self.questions, strict=True))
        tops = [one for one in self.sets if len(one) > 1 and not any(set(one) < set(other) for other in self.sets)]
        covered = {place for one in tops for place in one}
        tops += [(place,) for place in range(len(self.classes)) if place not in covered]
        tops.sort()
        _halve(tops, asked, self.classes, name)
        for top in [one for one in self.sets if len(one) > 1]:
            inner = [one for one in self.sets if 1 < len(one) < len(top) and set(one) < set(top)]
            widest = [one for one in inner if not any(set(one) < set(other) for other in inner)]
            rest = set(top) - {place for one in widest for place in one}
            _halve(sorted([*widest, *((place,) for place in rest)]), asked, self.classes, name)
        return LabelHierarchy(self.classes, tuple(asked.values()), tuple(asked))

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def is_tree(self) -> bool:
        """Whether each set is a run of neighbours among the classes, so that prefix sums answer for it."""
        return all(one[-1] - one[0] + 1 == len(one) for one in self.sets)

    @cached_property
    def ranges(self) -> tuple[Any, Any, Any]:
        """Places of classes, and where each question's begin and end among them: a CSR matrix, which for a tree is the classes once."""
        if self.is_tree:
            starts = np.array([one[0] for one in self.sets], np.int64)
            return np.arange(self.n_classes), starts, starts + np.array([len(one) for one in self.sets])
        ends = np.cumsum([len(one) for one in self.sets])
        return np.concatenate([np.array(one, np.int64) for one in self.sets]), np.concatenate([[0], ends[:-1]]), ends

    @cached_property
    def matrix(self) -> Any:
        """Which classes are in which question, truth values [n_questions, n_classes]."""
        made = np.zeros((len(self.sets), self.n_classes), bool)
        for number, one in enumerate(self.sets):
            made[number, list(one)] = True
        return made

    def place_of(self, name: str) -> int:
        """Return the place of a class.

        Raises
        ------
        UsageError
            It is no class.
        """
        if name not in self._places:
            msg = f"Expected one of the {self.n_classes} classes, got {name!r}.{nearest(name, self.classes)}"
            raise UsageError(msg)
        return self._places[name]

    @cached_property
    def _places(self) -> dict[str, int]:
        """The place of each class."""
        return {name: number for number, name in enumerate(self.classes)}

    def names_of(self, question: int) -> list[str]:
        """Return the classes that a question is about."""
        return [self.classes[place] for place in self.sets[question]]


def _walk(name: str, children: Mapping[str, Sequence[str]], trail: list[str], leaves: dict[str, frozenset[str]], order: list[str]) -> None:
    """Enter what classes are below a node; a node met again on the way there closes a cycle."""
    if name in trail:
        cycle = " -> ".join([*trail[trail.index(name) :], name])
        msg = f"LabelHierarchy expects a tree or a DAG, got a cycle: {cycle}. Take one of these rows out."
        raise UsageError(msg)
    if name in leaves:
        return
    if len(trail) > _MOST_LEVELS:
        raise UsageError(f"LabelHierarchy expects {_MOST_LEVELS} levels at most, got more above {name!r}. Leave out nodes with one child.")
    if not children[name]:
        order.append(name)
        leaves[name] = frozenset([name])
        return
    for one in children[name]:
        _walk(one, children, [*trail, name], leaves, order)
    leaves[name] = frozenset().union(*(leaves[one] for one in children[name]))


def _halve(parts: Sequence[tuple[int, ...]], asked: dict[tuple[int, ...], str], classes: Sequence[str], name: str) -> None:
    """Enter the unions of both halves of some parts, and of their halves."""
    if len(parts) < 2:
        return
    half = len(parts) // 2
    for some in (parts[:half], parts[half:]):
        union = tuple(sorted({place for one in some for place in one}))  # parts of a DAG overlap
        if 1 < len(union) < len(classes) and union not in asked:
            asked[union] = f"{name} {len(union)}: {classes[union[0]]} to {classes[union[-1]]}"
        _halve(some, asked, classes, name)


def _as_arrow(table: Any) -> pa.Table:
    """Return a frame as an Arrow table."""
    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "to_arrow"):
        return table.to_arrow()
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise UsageError(f"LabelHierarchy expects a table of children and parents, got {type(table).__name__}. Use pyarrow.table(...).")

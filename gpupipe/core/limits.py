"""Limits: what an engine cannot do, or does otherwise than the others, as data that plans are held against and docs are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Use:
    """An operation in an expression, by which a limit is met.

    Parameters
    ----------
    operations
        The operation's names, as narwhals has them: ``"__mod__"``, ``"cast"``, ``"dt.to_string"``, ``"mean"``.
    of
        The kinds of what it is done to (``"integer"``, ``"float32"``, ``"decimal"``, ``"string"``, ``"zoned"``, ...); any unless given.
    beside
        The kinds of its argument; any unless given.
    to
        The kinds that a cast makes; any unless given.
    where
        Texts of which one stands in its pattern, format or replacement; any unless given.
    windowed
        Whether it only counts followed by ``over()``.
    """

    operations: tuple[str, ...]
    of: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    windowed: bool = False


@dataclass(frozen=True)
class Limit:
    """A thing an engine cannot do, or does otherwise: whose it is (*todo* ours, *upstream* theirs, *never*), why, and what to do.

    Parameters
    ----------
    effect
        ``"refused"``: the engine ends with an error. ``"differs"``: it gives another answer than engine ``cpu``. ``"rare"``: it does so for
        values that a plan does not know, such as NaN, which `why` names. ``"told"``: nothing of an answer changes.
    uses
        By which operations the limit is met; the plan looks for them before a run. None for ``"rare"`` and ``"told"``.
    """

    what: str
    whose: Literal["todo", "upstream", "never"]
    why: str
    effect: Literal["refused", "differs", "rare", "told"] = "told"
    uses: tuple[Use, ...] = ()

"""Lazy frames that tell what a user's function does with them: by which methods, with which expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw

Tell: TypeAlias = Callable[[str, nw.LazyFrame[Any], list[Any]], None]  # method, frame it is called on, its arguments

OF_EXPRESSIONS = ("with_columns", "filter", "select")
SEVERAL_ROWS = ("group_by", "unique", "head", "tail", "top_k", "gather_every", "with_row_index", "sample")
HIDING = ("collect", "to_native", "join", "join_asof")


def watched(frame: nw.LazyFrame[Any], tell: Tell) -> nw.LazyFrame[Any]:
    """Return a frame that tells what is done to it, and so do the frames that it makes; aggregates of groups as method ``agg``."""

    def method_of(name: str) -> Callable[..., Any]:
        def method(self: Any, *given: Any, **named: Any) -> Any:
            given = tuple(list(part) if isinstance(part, Iterator) else part for part in given)  # a generator can be looked at once
            arguments = [one for part in given for one in (part if isinstance(part, list | tuple) else [part])]
            tell(name, _as(nw.LazyFrame, self), [*arguments, *named.values()])
            plain = [_as(nw.LazyFrame, one) if isinstance(one, nw.LazyFrame) else one for one in given]
            made = getattr(nw.LazyFrame, name)(_as(nw.LazyFrame, self), *plain, **named)
            if name == "group_by":
                return _WatchedGroups(made, self, tell)
            if name == "collect" and isinstance(made, nw.DataFrame):
                return _watched_rows(made, self, tell)
            return _as(type(self), made) if isinstance(made, nw.LazyFrame) else made

        return method

    names = [name for name in (*OF_EXPRESSIONS, *SEVERAL_ROWS, *HIDING) if hasattr(nw.LazyFrame, name)]
    made: nw.LazyFrame[Any] = _as(type("WatchedFrame", (nw.LazyFrame,), {name: method_of(name) for name in names}), frame)
    return made


def _watched_rows(rows: nw.DataFrame[Any], frame: Any, tell: Tell) -> nw.DataFrame[Any]:
    """Return collected rows that tell when some of them are drawn: which those are, rows that are cut cannot show for sure."""

    def sample(self: Any, *given: Any, **named: Any) -> Any:
        tell("sample", _as(nw.LazyFrame, frame), [])
        return _as(type(self), nw.DataFrame.sample(_as(nw.DataFrame, self), *given, **named))

    made: nw.DataFrame[Any] = _as(type("WatchedRows", (nw.DataFrame,), {"sample": sample}), rows)
    return made


class _WatchedGroups:
    """Groups of a watched frame."""

    def __init__(self, groups: Any, frame: Any, tell: Tell) -> None:
        self._groups = groups
        self._frame = frame
        self._tell = tell

    def agg(self, *given: Any, **named: Any) -> Any:
        """Return the aggregates as a watched frame."""
        given = tuple(list(part) if isinstance(part, Iterator) else part for part in given)
        flat = [one for part in given for one in (part if isinstance(part, list | tuple) else [part])]
        self._tell("agg", _as(nw.LazyFrame, self._frame), [*flat, *named.values()])
        return _as(type(self._frame), self._groups.agg(*given, **named))


def _as(kind: Any, frame: Any) -> Any:
    """Return a frame as one of another class of narwhals' lazy frames."""
    return kind(frame._compliant_frame, level=frame._level)

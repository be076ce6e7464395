"""More random steps: those that bring rows together by a key, and several tables into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.fuzz.expressions import BOOL, DATE, EXACT, INT, NARROW, ROUNDED, TEXT, Columns, Expression, UnfitError, quoted
from tests.fuzz.steps import Step, listed, require


@dataclass(frozen=True)
class Joined(Step):
    inputs: tuple[int, ...]
    left_on: tuple[str, ...]
    right_on: tuple[str, ...]
    how: str
    suffix: str | tuple[str, str]

    def columns(self, *given: Columns) -> dict[str, str]:
        left, right = given
        require(left, self.left_on, INT, TEXT, DATE, BOOL)
        require(right, self.right_on)
        if any(left[one] != right[other] for one, other in zip(self.left_on, self.right_on, strict=True)):
            raise UnfitError
        if self.how in ("semi", "anti"):
            return dict(left)
        pairs = self._pairs(left, right)
        made = {new: (left if side == "l" else right)[name] for side, name, new in pairs}
        if len(made) < len(pairs):
            raise UnfitError
        return made

    def _pairs(self, left: Columns, right: Columns) -> list[tuple[str, str, str]]:
        """Return of which table each column of the result is, its name there, and its new one."""
        one, other = ("", self.suffix) if isinstance(self.suffix, str) else self.suffix
        rest = [name for name in right if name not in self.right_on]
        ours = [(name, name + one if name in rest and name not in self.left_on else name) for name in left]
        return [*(("l", *pair) for pair in ours), *(("r", name, name + other if name in left else name) for name in rest)]

    def code(self, names: Sequence[str], *given: Columns) -> str:
        on = (
            f"on={list(self.left_on)!r}"
            if self.left_on == self.right_on
            else f"left_on={list(self.left_on)!r}, right_on={list(self.right_on)!r}"
        )
        keys = "" if self.how == "cross" else f"{on}, "
        return f"gp.Join({keys}how={self.how!r}, suffix={self.suffix!r})({names[0]}, {names[1]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        keys = dict(zip(self.left_on, self.right_on, strict=True))
        on = " AND ".join(f"l.{quoted(one)} = r.{quoted(other)}" for one, other in keys.items())
        if self.how in ("semi", "anti"):
            exists = "EXISTS" if self.how == "semi" else "NOT EXISTS"
            return f"SELECT l.* FROM {names[0]} AS l WHERE {exists} (SELECT 1 FROM {names[1]} AS r WHERE {on})"
        shown = []
        for side, name, new in self._pairs(*given):
            taken = f"{side}.{quoted(name)}"
            if side == "l" and name in keys and self.how in ("right", "full"):
                taken = f"coalesce({taken}, r.{quoted(keys[name])})"
            shown.append(f"{taken} AS {quoted(new)}")
        tail = f"CROSS JOIN {names[1]} AS r" if self.how == "cross" else f"{self.how.upper()} JOIN {names[1]} AS r ON {on}"
        return f"SELECT {', '.join(shown)} FROM {names[0]} AS l {tail}"


@dataclass(frozen=True)
class Grouped(Step):
    inputs: tuple[int, ...]
    by: tuple[str, ...]
    made: tuple[tuple[str, Expression], ...]
    null_keys: str

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.by, INT, TEXT, DATE, BOOL)
        for _, expression in self.made:
            expression.require(given[0])
        return {**{name: given[0][name] for name in self.by}, **{name: expression.dtype for name, expression in self.made}}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        made = ", ".join(f"{name}={expression.code}" for name, expression in self.made)
        return f"gp.GroupBy({list(self.by)!r}, {made}, null_keys={self.null_keys!r})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        keys = listed(self.by)
        made = ", ".join(f"{expression.sql} AS {quoted(name)}" for name, expression in self.made)
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in self.by)
        where = f" WHERE {there}" if self.null_keys == "drop" else ""
        return f"SELECT {keys}, {made} FROM {names[0]}{where} GROUP BY {keys}"


@dataclass(frozen=True)
class Rolled(Step):
    inputs: tuple[int, ...]
    by: tuple[str, ...]
    index: str
    start: int
    stop: int
    made: tuple[tuple[str, str, str, str], ...]  # name, column, function, the column's dtype

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.by, INT, TEXT, DATE, BOOL)
        require(given[0], [self.index], INT)
        for name, column, _, dtype in self.made:
            require(given[0], [column], dtype)
            if name in given[0]:
                raise UnfitError
        dtypes = {name: INT if function == "count" else ROUNDED if function == "mean" else dtype for name, _, function, dtype in self.made}
        return {**given[0], **dtypes}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        made = ", ".join(f"{name}=({column!r}, {function!r})" for name, column, function, _ in self.made)
        return f"gp.Rolling({list(self.by)!r}, index={self.index!r}, start={self.start}, stop={self.stop}, {made})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        low, high = (f"{abs(at)} {'PRECEDING' if at < 0 else 'FOLLOWING'}" if at else "CURRENT ROW" for at in (self.start, self.stop - 1))
        index = quoted(self.index)
        window = f"OVER (PARTITION BY {listed(self.by)} ORDER BY {index} RANGE BETWEEN {low} AND {high})"
        made = []
        for name, column, function, _ in self.made:
            call = f"{'avg' if function == 'mean' else function}({quoted(column)}) {window}"
            call = f"coalesce({call}, 0)" if function == "sum" else call
            made.append(f"CASE WHEN {index} IS NOT NULL THEN {call} END AS {quoted(name)}")
        return f"SELECT *, {', '.join(made)} FROM {names[0]}"


@dataclass(frozen=True)
class Stacked(Step):
    """The rows of several tables: of some columns that all have, or of all that there are."""

    inputs: tuple[int, ...]
    kept: tuple[str, ...]  # none: diagonal

    def columns(self, *given: Columns) -> dict[str, str]:
        made: dict[str, str] = {}
        for columns in given:
            require(columns, self.kept)
            for name, dtype in columns.items():
                if (not self.kept or name in self.kept) and made.setdefault(name, dtype) != dtype:
                    raise UnfitError
        if {NARROW, EXACT} & {dtype for name, dtype in made.items() if not self.kept or name in self.kept}:
            raise UnfitError  # two that are narrow, or exact, may be so in two ways
        return {name: made[name] for name in self.kept} if self.kept else made

    def code(self, names: Sequence[str], *given: Columns) -> str:
        if not self.kept:
            return f'gp.Concat("diagonal")({", ".join(names)})'
        turned = [list(self.kept), *([list(self.kept)[::-1]] * (len(names) - 1))]
        return f"gp.Concat()({', '.join(f'gp.Select({kept!r})({name})' for kept, name in zip(turned, names, strict=True))})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        if not self.kept:
            return " UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in names)
        return " UNION ALL ".join(f"SELECT {listed(self.kept)} FROM {name}" for name in names)


@dataclass(frozen=True)
class Reduced(Step):
    """A table reduced to a few numbers."""

    inputs: tuple[int, ...]
    made: tuple[tuple[str, Expression], ...]
    is_value = True

    def columns(self, *given: Columns) -> dict[str, str]:
        for _, expression in self.made:
            expression.require(given[0])
        return {name: expression.dtype for name, expression in self.made}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Scalar({', '.join(f'{name}={expression.code}' for name, expression in self.made)})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"SELECT {', '.join(f'{expression.sql} AS {quoted(name)}' for name, expression in self.made)} FROM {names[0]}"

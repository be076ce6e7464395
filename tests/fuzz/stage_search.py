"""Runs random cases of single stages on engines, and tells what differs from the oracle by the smallest tables."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import GpupipeError
from gpupipe.core.stage import TableStage
from gpupipe.pipeline import Pipeline
from gpupipe.testing.trial import HeldTable, Trial
from tests.fuzz.fitted_stages import FittedCase, random_fitted_case
from tests.fuzz.key_stages import KeyCase, random_key_case
from tests.fuzz.stage_tables import as_numbers

_SHRUNK = 2  # of each kind


@dataclass
class StageSearch:
    """What was found so far: cases that answer otherwise than their oracle, and those that a stage refuses."""

    engines: tuple[str, ...] = ("cpu", "pandas")
    n_cases: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def by_key(self, seeds: Iterable[int | str]) -> StageSearch:
        """Look through the cases by key and time of some seeds."""
        with duckdb.connect(config={"threads": 1}) as connection:
            self._look(seeds, random_key_case, lambda case: _queried(connection, case))
        return self

    def fitted(self, seeds: Iterable[int | str]) -> StageSearch:
        """Look through the fitted cases of some seeds."""
        self._look(seeds, random_fitted_case, lambda case: case.answer())
        return self

    def _look(self, seeds: Iterable[int | str], make: Callable[[Any], Any], answer: Callable[[Any], pa.Table]) -> None:
        """Look through cases that have tables and a stage, with the oracle's answer for each."""
        for name in self.engines:
            with Trial(name) as trial:
                for seed in seeds:
                    case = make(seed)
                    self.n_cases += 1
                    why = _differs(trial, case, answer)
                    if why is not None and why.startswith("refused"):
                        self.refused[f"{type(case.stage).__name__}: {_plain(why)}"] += 1
                    elif why is not None:
                        kind = f"{name}: {type(case.stage).__name__}: {_plain(why)}"
                        self.kinds[kind] += 1
                        if self.kinds[kind] <= _SHRUNK:
                            small, why = _shrunk(trial, case, answer, why)
                            self.examples.append(f"seed {seed!r} on {name}: {small}\n{why}")

    def told(self) -> str:
        """Return how many of which kind were found, and the examples."""
        counts = "\n".join(f"{count:6} {kind}" for kind, count in self.kinds.most_common())
        return f"{self.kinds.total()} findings in {self.n_cases} cases:\n{counts}\n\n" + "\n\n".join(self.examples)


def _plain(why: str) -> str:
    """Return what tells a finding from those of another kind: names, numbers and texts left out."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|-?\d+|\{[^}]*\}|\[[^\]]*\]", "#", why.splitlines()[0])[:140]


def _queried(connection: Any, case: KeyCase) -> pa.Table:
    """Return DuckDB's answer."""
    for name, table in zip("tu", case.tables, strict=False):
        connection.register(name, as_numbers(table))
    made: pa.Table = connection.sql(case.query).to_arrow_table()
    return made


def _differs(trial: Trial, case: Any, answer: Callable[[Any], pa.Table]) -> str | None:
    """Return how an engine's answer differs from the oracle's, or None."""
    try:
        made = trial.run(case.stage, *case.tables) if isinstance(case.stage, TableStage) else _fitted(trial, case)
    except AssertionError as error:
        return str(error)
    except GpupipeError as error:
        return f"refused: {type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
        return f"{type(error).__name__}, which is none of gpupipe's: {error}"
    return difference(as_numbers(made), answer(case), getattr(case, "rtol", 1e-9))


def _fitted(trial: Trial, case: FittedCase) -> pa.Table:
    """Return what a stage makes of a table, fitted to another one."""
    train, test = (HeldTable(table).node() for table in case.tables)
    made: pa.Table = Pipeline("fuzz", made=case.stage.fit(train)(test)).run(trial.engine.name)["made"].to_arrow()
    return plain_table(made)


def difference(made: pa.Table, wanted: pa.Table, rtol: float = 1e-9) -> str | None:
    """Return how two tables differ, in whatever order their rows are, or None."""
    if made.column_names != wanted.column_names:
        return f"names differ: got {made.column_names}, expected {wanted.column_names}"
    if made.num_rows != wanted.num_rows:
        return f"numbers of rows differ: got {made.num_rows}, expected {wanted.num_rows}"
    one, other = (sorted(zip(*(c.to_pylist() for c in table.columns), strict=True), key=_key) for table in (made, wanted))
    for left, right in zip(one, other, strict=True):
        for name, a, b in zip(made.column_names, left, right, strict=True):
            if not _alike(a, b, rtol):
                got, expected = (dict(zip(made.column_names, row, strict=True)) for row in (left, right))
                return f"rows differ in {name!r}: got {got}, expected {expected}"
    return None


def _alike(a: Any, b: Any, rtol: float) -> bool:
    if a is None or b is None or isinstance(a, str | bool) or isinstance(b, str | bool):
        return a is b or (a == b and type(a) is type(b))
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    a, b = float(a), float(b)
    return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=rtol, abs_tol=1e-12)


def _key(row: Sequence[Any]) -> Any:
    """Return what rows are sorted by to be paired: whole values first, floats last and rounded."""
    whole = [_part(value) for value in row if not isinstance(value, float)]
    floats = [(1, -1.0, "") if math.isnan(value) else (2, float(f"{value:.7g}") + 0.0, "") for value in row if isinstance(value, float)]
    return [tuple(isinstance(value, float) for value in row), whole, floats]


def _part(value: Any) -> tuple[int, Any, str]:
    if value is None:
        return (0, 0, "")
    if isinstance(value, str):
        return (3, 0, value)
    return (2, value if isinstance(value, int) else Decimal(value), "")


def _shrunk(trial: Trial, case: Any, answer: Callable[[Any], pa.Table], why: str) -> tuple[str, str]:
    """Return the smallest case found that differs in the same way, and how, by leaving out rows."""
    smaller = True
    while smaller:
        smaller = False
        for number, table in enumerate(case.tables):
            for row in range(table.num_rows):
                kept = pa.concat_tables([table.slice(0, row), table.slice(row + 1)])
                tried = replace(case, tables=(*case.tables[:number], kept, *case.tables[number + 1 :]))
                found = _differs(trial, tried, answer)
                if found is not None and _plain(found) == _plain(why):
                    case, why, smaller = tried, found, True
                    break
            if smaller:
                break
    tables = "\n  ".join(f"{table.to_pydict()}  # {', '.join(f'{f.name}: {f.type}' for f in table.schema)}" for table in case.tables)
    return f"{case.stage}\n  {tables}", why

"""Runs a random pipeline on an engine and as SQL in DuckDB, compares, and shrinks one that differs to a script."""

from __future__ import annotations

import inspect
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa

import gpupipe as gp
from gpupipe.core.errors import GpupipeError
from gpupipe.pipeline import Pipeline
from tests.fuzz.expressions import BOOL, DATE, FLOAT, INT, ROUNDED, TEXT, UnfitError
from tests.fuzz.generator import Case
from tests.fuzz.steps import Source, Step

MOST_ROWS = 3000
Rows = list[tuple[Any, ...]]
Answers = dict[int, tuple[list[str], Rows]]
KINDS = {INT: nw.Int64, FLOAT: nw.Float64, TEXT: nw.String, BOOL: nw.Boolean, DATE: nw.Date, ROUNDED: nw.Float64}


@dataclass(frozen=True)
class Finding:
    """A case whose answer on an engine is not DuckDB's."""

    engine: str
    what: str  # "wrong", or the error's type
    why: str

    @property
    def kind(self) -> str:
        """What tells it from findings of another kind: names, numbers and texts left out."""
        plain = re.sub(r"'[^']*'|\"[^\"]*\"|\d+|\[[^\]]*\]|s\d", "#", self.why.splitlines()[0])
        return f"{self.engine}: {self.what}: {plain[:100]}"


class Oracle:
    """DuckDB in this process."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})

    def answers(self, case: Case) -> Answers:
        """Return the names and rows of each output; see `rows`."""
        return {number: self.rows(case, number) for number in case.outputs}

    def rows(self, case: Case, output: int) -> tuple[list[str], Rows]:
        """Return the names and rows of an output.

        Raises
        ------
        UnfitError
            There are too many, or a number is too large: the case says nothing.
        """
        try:
            cursor = self._connection.execute(case.sql(output))
            rows = cursor.fetchmany(MOST_ROWS)
        except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            raise UnfitError from error
        if len(rows) == MOST_ROWS:
            raise UnfitError
        assert cursor.description is not None
        return [name for name, *_ in cursor.description], rows


def wired(case: Case, folder: str) -> Pipeline:
    """Return the pipeline of a case, made by the code that a script of it shows; its files are in the folder."""
    names: dict[str, Any] = {"gp": gp, "nw": nw, "pl": pl, "date": date, "Decimal": Decimal, "in_files": partial(in_files, inside=folder)}
    exec(compile(case.code(), "<case>", "exec"), names)
    pipeline: Pipeline = names["pipeline"]
    return pipeline


def in_files(frame: pl.DataFrame, key: str, inside: str | None = None) -> str:
    """Return a new folder with the rows of each key in a Parquet file of their own."""
    folder = tempfile.mkdtemp(dir=inside)
    for number, part in enumerate(frame.partition_by(key, maintain_order=True)):
        part.write_parquet(f"{folder}/{number}.parquet")
    return folder


def examined(case: Case, engine: str, oracle: Oracle) -> Finding | None:
    """Return what differs between an engine and DuckDB, or None.

    Raises
    ------
    UnfitError
        The case says nothing.
    """
    return compared(case, engine, oracle.answers(case))


def compared(case: Case, engine: str, expected: Answers) -> Finding | None:
    """Return what differs between an engine and what is expected of each output, or None."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = wired(case, folder).run(engine)
    except GpupipeError as error:
        return Finding(engine, type(error).__name__, f"{error}\n{getattr(error, '__notes__', '')}")
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
        return Finding(engine, f"{type(error).__name__}, which is none of gpupipe's", f"{error}")
    columns = case.columns()
    for number, (names, rows) in expected.items():
        why = _difference(made[f"s{number}"], names, rows, case.steps[number], columns[number])
        if why is not None:
            return Finding(engine, "wrong", f"{why} (output s{number})")
    return None


def _difference(made: Any, names: list[str], expected: Rows, step: Step, columns: dict[str, str]) -> str | None:
    """Return how an output differs from DuckDB's, or None."""
    if isinstance(made, dict):
        found, have = list(made), [tuple(made.values())]
    else:
        found = list(made.columns)
        table: pa.Table = made.to_arrow()
        have = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        other = [name for name in found if name in columns and columns[name] in KINDS and made.schema[name] != KINDS[columns[name]]]
        if found == names and other:
            return f"dtypes differ: {other[0]} is {made.schema[other[0]]}, expected {columns[other[0]]}"
    if found != names:
        return f"names differ: got {found}, expected {names}"
    if len(have) != len(expected):
        return f"numbers of rows differ: got {len(have)}, expected {len(expected)}"
    if not _same(have, expected):
        return f"rows differ: got {sorted(have, key=_key)[:8]}, expected {sorted(expected, key=_key)[:8]}"
    if step.order:
        places = [names.index(name) for name, _ in step.order]
        if not _in_order([tuple(row[place] for place in places) for row in have], [down for _, down in step.order]):
            return f"order differs: got {have[:8]}, expected them by {step.order}"
    return None


def _same(one: Rows, other: Rows) -> bool:
    """Whether two tables hold the same rows in whatever order; floats to 1e-9 of themselves."""
    for left, right in zip(sorted(one, key=_key), sorted(other, key=_key), strict=True):
        for a, b in zip(left, right, strict=True):
            if a is None or b is None or isinstance(a, str | bool | date):
                if a != b or (a is None) != (b is None):
                    return False
            elif isinstance(a, Decimal) and isinstance(b, Decimal):
                if a != b:
                    return False
            elif not math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12):
                return False
    return True


def _key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what rows are sorted by to be paired."""
    return tuple((0, "") if v is None else (1, v) if isinstance(v, str | date) else (1, float(f"{float(v):.9g}") + 0.0) for v in row)


def _in_order(keys: Sequence[tuple[Any, ...]], descending: Sequence[bool]) -> bool:
    """Whether rows come in order, missing values on whichever side."""
    for before, after in pairwise(keys):
        for a, b, down in zip(before, after, descending, strict=True):
            if a is None or b is None:
                break
            if a != b:
                if (a > b) != down:
                    return False
                break
    return True


def shrunk(case: Case, finding: Finding, oracle: Oracle) -> Case:
    """Return the smallest case found that fails in the same way, by leaving out outputs, steps and rows."""
    tried = True
    while tried:
        tried = False
        for smaller in _smaller(case):
            try:
                smaller.columns()
                found = examined(smaller, finding.engine, oracle)
            except UnfitError:
                continue
            if found is not None and found.what == finding.what:
                case, tried = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Yield cases with one thing less."""
    for output in case.outputs:
        if len(case.outputs) > 1:
            yield _pruned(case.steps, tuple(number for number in case.outputs if number != output))
    for number, step in reversed(list(enumerate(case.steps))):
        for given in step.inputs:  # the step is left out: what took it takes one of its inputs
            moved = {number: given}
            steps = tuple(_moved(other, moved) for other in case.steps)
            yield _pruned(steps, tuple(dict.fromkeys(moved.get(output, output) for output in case.outputs)))
        if isinstance(step, Source):
            for n_rows in {len(step.rows) // 2, len(step.rows) - 1} if step.rows else ():
                for rows in (step.rows[:n_rows], step.rows[-n_rows:] if n_rows else ()):
                    yield Case((*case.steps[:number], replace(step, rows=rows), *case.steps[number + 1 :]), case.outputs)
        made = getattr(step, "made", ())
        for one in made if len(made) > 1 else ():
            rest = tuple(other for other in made if other is not one)
            yield Case((*case.steps[:number], replace(step, made=rest), *case.steps[number + 1 :]), case.outputs)  # type: ignore[call-arg]


def _moved(step: Step, places: dict[int, int]) -> Step:
    """Return the step with inputs at other places."""
    inputs = tuple(places.get(given, given) for given in step.inputs)
    return step if inputs == step.inputs else replace(step, inputs=inputs)  # type: ignore[type-var]


def _pruned(steps: Sequence[Step], outputs: Sequence[int]) -> Case:
    """Return the case without steps that no output needs."""
    needed = set(outputs)
    for number in range(len(steps) - 1, -1, -1):
        if number in needed:
            needed.update(steps[number].inputs)
    places = {number: place for place, number in enumerate(sorted(needed))}
    return Case(tuple(_moved(steps[number], places) for number in sorted(needed)), tuple(sorted(places[number] for number in set(outputs))))


def script(case: Case, finding: Finding) -> str:
    """Return a script that shows the finding by itself."""
    queries = "\n".join(f"print(duckdb.sql({case.sql(number)!r}))" for number in case.outputs)
    comment = "\n".join(f"# {line}" for line in finding.why.splitlines())
    needed = "in_files(" in case.code()
    helper = f"\n\n\n{inspect.getsource(in_files)}" if needed else ""
    return f"""# engine {finding.engine}: {finding.what}
{comment}
import tempfile
from datetime import date
from decimal import Decimal
import duckdb, narwhals.stable.v2 as nw, polars as pl
import gpupipe as gp{helper}

if __name__ == "__main__":
{_indented(case.code())}
{_indented(queries)}
    for name, made in pipeline.run({finding.engine!r}).items():
        print(name, made)
"""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

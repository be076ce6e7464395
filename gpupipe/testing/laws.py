"""The laws that each kind of stage keeps. Hold your own stages to them.

::

    def test_law():
        check_row_stage(MyStage("a"), pa.table({"a": [1, None, 3]}))

    @given(cut_tables(pa.schema([("a", pa.int64())])))     # gpupipe.testing.strategies
    def test_law_everywhere(cut):
        check_row_stage(MyStage("a"), cut[0], cuts=cut[1])

Each raises AssertionError that says what differs. All of them look whether the inputs stay as they were, whether the columns,
dtypes and nullability are the planned ones, whether the stage pickles, and whether the engines agree.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from gpupipe.core.ends import Source
from gpupipe.core.fit import FitStage
from gpupipe.core.node import Node, Table, ordered
from gpupipe.core.stage import KeyStage, RowStage, TableStage
from gpupipe.engines._cuda import why_not
from gpupipe.pipeline import Pipeline
from gpupipe.testing.compare import as_arrow, assert_same_rows, rows_of
from gpupipe.testing.trial import Trial

ENGINES = ("cpu", "pandas", *(("gpu",) if why_not() is None else ()))


def check_row_stage(
    stage: RowStage, table: Any, *, cuts: Sequence[int] | None = None, engines: Sequence[str] = ENGINES, rtol: float = 0
) -> pa.Table:
    """Return the stage's rows, which are the same however the table is cut into blocks.

    Parameters
    ----------
    table
        An Arrow, Polars, pandas or narwhals frame.
    cuts
        Where the table is cut, ascending positions; repeated ones make empty blocks. Unless given: in the middle, twice.
    rtol
        How far floats may lie apart, relative to themselves.

    Raises
    ------
    AssertionError
        Where the law is broken.

    Examples
    --------
    >>> import narwhals.stable.v2 as nw
    >>> from gpupipe.stages.with_columns import WithColumns
    >>> check_row_stage(WithColumns(b=nw.col("a") * 2), pa.table({"a": [1, 2]})).to_pydict()
    {'a': [1, 2], 'b': [2, 4]}
    >>> check_row_stage(WithColumns(b=nw.col("a").max()), pa.table({"a": [1, 2]}))
    Traceback (most recent call last):
    AssertionError: WithColumns on engine 'cpu' makes other rows of a table cut at [1, 1] than of the whole: ...
    """
    given = as_arrow(table)
    places = [given.num_rows // 2] * 2 if cuts is None else list(cuts)
    parts = [_slices(given, places)]
    return _check(stage, (given,), list(zip(*parts, strict=True)), f"a table cut at {places}", engines, rtol)


def check_key_stage(
    stage: KeyStage, *tables: Any, n_parts: int = 3, engines: Sequence[str] = ENGINES, rtol: float = 0, any_order: bool = True
) -> pa.Table:
    """Return the stage's rows, which are the same however its keys are dealt to blocks, each key's rows together over all inputs.

    Parameters
    ----------
    n_parts
        Into how many blocks the keys are dealt.
    any_order
        Whether the rows must also be the same when the inputs' rows come in reverse order, as no order is promised.

    Raises
    ------
    AssertionError
        Where the law is broken.
    """
    given = tuple(as_arrow(table) for table in tables)
    parts = [_dealt(table, stage.keys or table.column_names, n_parts) for table in given]
    if any_order:
        _check_order(stage, given, engines, rtol)
    return _check(stage, given, list(zip(*parts, strict=True)), f"tables whose keys are dealt to {n_parts} blocks", engines, rtol)


def check_table_stage(
    stage: TableStage, *tables: Any, engines: Sequence[str] = ENGINES, rtol: float = 0, any_order: bool = True
) -> pa.Table:
    """Return the stage's rows, the same on all engines and, unless told otherwise, in whatever order the inputs' rows come.

    Raises
    ------
    AssertionError
        Where the law is broken.
    """
    given = tuple(as_arrow(table) for table in tables)
    if any_order:
        _check_order(stage, given, engines, rtol)
    return _check(stage, given, [], "", engines, rtol)


def check_engines_agree(
    stage: TableStage, *tables: Any, engines: Sequence[str] = ENGINES, rtol: float = 0, ordered: bool = False
) -> pa.Table:
    """Return the stage's rows, which are the same on all engines.

    Parameters
    ----------
    ordered
        Whether they must come in the same order too.

    Raises
    ------
    AssertionError
        Where two engines differ.
    """
    made: dict[str, pa.Table] = {}
    for name in engines:
        with Trial(name) as trial:
            made[name] = trial.run(stage, *(as_arrow(table) for table in tables))
    first = engines[0]
    for name in engines[1:]:
        _same(
            made[first],
            made[name],
            f"{stage.name} makes other rows on engine {first!r} (left) than on {name!r} (right)",
            rtol,
            ordered=ordered,
        )
    return made[first]


def check_fit_stage(
    stage: FitStage,
    table: Any,
    *,
    cuts: Sequence[int] | None = None,
    engines: Sequence[str] = ENGINES,
    rtol: float = 1e-9,
    atol: float = 0,
    fitted_law: Callable[..., pa.Table] = check_row_stage,
) -> RowStage:
    """Return what the stage fits to the table; the same from the measured parts of it, merged in any order and grouping.

    Parameters
    ----------
    cuts
        As in `check_row_stage`.
    rtol, atol
        How far floats of the statistics may lie apart: sums of floats depend on their order.
    fitted_law
        The law that the fitted stage is held to.

    Raises
    ------
    AssertionError
        Where the law is broken.
    """
    given = as_arrow(table)
    places = [given.num_rows // 2] * 2 if cuts is None else list(cuts)
    wholes = []
    for name in engines:
        with Trial(name) as trial:
            measured = [trial.measure(stage, part) for part in _slices(given, places)]
            whole, nothing = stage.merge([trial.measure(stage, given)]), trial.measure(stage, given.slice(0, 0))
        _check_merging(stage, whole, measured, nothing, (rtol, atol), name)
        wholes.append(whole)
    for name, whole in zip(engines[1:], wholes[1:], strict=True):
        _same(
            wholes[0],
            whole,
            f"{stage.name} measures otherwise on engine {engines[0]!r} (left) than on {name!r} (right)",
            rtol,
            atol,
        )
    again = _copy(stage)
    fitted: RowStage = stage.finish(wholes[0])
    if again.finish(wholes[0]) != fitted:
        msg = f"A pickled copy of {stage.name} finishes into another stage than the original."
        raise AssertionError(msg)
    fitted_law(fitted, given, engines=engines, rtol=rtol)
    return fitted


def _check_merging(
    stage: FitStage, whole: pa.Table, measured: list[pa.Table], nothing: pa.Table, tolerance: tuple[float, float], engine: str
) -> None:
    """Raise AssertionError where some way to merge the parts gives other statistics than the whole."""
    left, right = measured[: len(measured) // 2 + 1], measured[len(measured) // 2 + 1 :] or [nothing]
    ways = {
        "merging the parts": measured,
        "merging the parts in reverse order": measured[::-1],
        "merging two merged halves": [stage.merge(left), stage.merge(right)],
        "merging the parts and an empty one": [nothing, *measured, nothing],
        "merging what is merged already": [whole],
    }
    for way, parts in ways.items():
        what = f"{stage.name} on engine {engine!r}: {way} (right) differs from measuring the whole (left)"
        _same(whole, stage.merge(parts), what, *tolerance)


def _check(
    stage: TableStage,
    given: tuple[pa.Table, ...],
    blocks: Sequence[tuple[pa.Table, ...]],
    how: str,
    engines: Sequence[str],
    rtol: float,
) -> pa.Table:
    """Return the stage's rows, after trying it whole, pickled and on blocks, on each engine."""
    copy = _copy(stage)
    whole = check_engines_agree(stage, *given, engines=engines, rtol=rtol)
    for name in engines:
        with Trial(name) as trial:
            made = trial.run(copy, *given)
            _same(whole, made, f"A pickled copy of {stage.name} makes other rows on engine {name!r}", rtol)
            if blocks:
                joined = pa.concat_tables([trial.run(stage, *block) for block in blocks])
                _same(whole, joined, f"{stage.name} on engine {name!r} makes other rows of {how} than of the whole", rtol)
    return whole


def _check_order(stage: TableStage, given: tuple[pa.Table, ...], engines: Sequence[str], rtol: float) -> None:
    """Raise AssertionError where the rows depend on the order of the inputs' rows."""
    turned = [table.take(pa.array(range(table.num_rows - 1, -1, -1), pa.int64())) for table in given]
    for name in engines:
        with Trial(name) as trial:
            one, other = trial.run(stage, *given), trial.run(stage, *turned)
        _same(one, other, f"{stage.name} on engine {name!r} makes other rows (right) where its input is in reverse order", rtol)


def check_reading(outputs: Mapping[str, Node], *, engines: Sequence[str] = ENGINES) -> None:
    """Hold a pipeline to the law that it gives on what it reads what it gives on whole sources: names, order, dtypes and rows.

    Parameters
    ----------
    outputs
        Tables and numbers, by name.

    Raises
    ------
    AssertionError
        Where an output differs once the pipeline's sources are outputs as well, and so are read whole.
    """
    sources = {f"source {number}": node for number, node in enumerate(ordered(dict(outputs))) if isinstance(node.stage, Source)}
    for engine in engines:
        narrow, whole = Pipeline("narrow", outputs).run(engine), Pipeline("whole", outputs, sources).run(engine)
        for name in outputs:
            if isinstance(outputs[name], Table):
                left, right = narrow[name].to_arrow(), whole[name].to_arrow()
                if left.schema != right.schema:
                    raise AssertionError(f"{name!r} on engine {engine!r} has {left.schema} as read, {right.schema} of whole sources.")
                _same(left, right, f"{name!r} on engine {engine!r} as read (left) and of whole sources (right)", 1e-12)
            elif narrow[name] != whole[name]:
                raise AssertionError(f"{name!r} on engine {engine!r} is {narrow[name]!r} as read, {whole[name]!r} of whole sources.")


def _copy(stage: Any) -> Any:
    """Return the stage, pickled and unpickled."""
    try:
        return pickle.loads(pickle.dumps(stage))  # noqa: S301  (our own bytes)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        msg = f"{stage.name} does not pickle: {error}. Keep plain values in it, and functions at the top level of their module."
        raise AssertionError(msg) from error


def _slices(table: pa.Table, places: Sequence[int]) -> list[pa.Table]:
    """Return the blocks between the places."""
    edges = [0, *places, table.num_rows]
    return [table.slice(low, high - low) for low, high in pairwise(edges)]


def _dealt(table: pa.Table, keys: Sequence[str], n_parts: int) -> list[pa.Table]:
    """Return the table in parts that each have all rows of some keys."""
    owner = [sum(repr(key).encode()) % n_parts for key in rows_of(table.select(list(keys)))]
    return [table.take(pa.array([row for row, part in enumerate(owner) if part == number], pa.int64())) for number in range(n_parts)]


def _same(left: pa.Table, right: pa.Table, what: str, rtol: float, atol: float = 0, *, ordered: bool = False) -> None:
    """Raise AssertionError with what is being compared where the tables differ."""
    try:
        assert_same_rows(left, right, rtol=rtol, atol=atol, ordered=ordered)
    except AssertionError as error:
        msg = f"{what}: {error}"
        raise AssertionError(msg) from error

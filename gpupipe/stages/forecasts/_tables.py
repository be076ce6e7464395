"""Tables of series: the key and a time for each row, beside numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import UsageError
from gpupipe.core.tools import Tools
from gpupipe.forecasts import STATUSES
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import checked_levels
from gpupipe.stages.forecasts._grid import Grid


def rows_of(
    tools: Tools, starts: nw.DataFrame[Any], grid: Grid | None, at: tuple[Any, Any], numbers: Mapping[str, Any], texts: Mapping[str, Any]
) -> nw.DataFrame[Any]:
    """Return a table with a row for each place: the series' key, the time so many steps after its first, then texts and numbers by name.

    Parameters
    ----------
    grid
        None for a table without time.
    at
        [n_rows] on the host, the series and the step of each row.
    numbers
        [n_rows] arrays; NaN is missing.
    texts
        [n_rows] Arrow arrays.
    """
    series, steps = at
    held = plain_table(starts.to_arrow())
    labels = held.select(held.column_names[:-1]).take(pa.array(series))
    columns = dict(zip(labels.column_names, labels.columns, strict=True))
    if grid is not None:
        name, kind = held.column_names[-1], held.schema.types[-1]
        columns[name] = as_times(grid.times(as_numbers(held[name])[series], steps), kind)
    columns |= texts
    columns |= {name: _column(to_host(values)) for name, values in numbers.items()}
    made: nw.DataFrame[Any] = tools.adopted(pa.table(columns))
    return made


def ordered(schema: Mapping[str, Any], made: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Return a table with its columns in the order of a plan."""
    return made.select(list(schema))


def as_numbers(times: Any) -> Any:
    """Return an Arrow column of times as whole numbers on the host."""
    kind = times.type
    if pa.types.is_date32(kind):
        times = times.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        times = times.cast(pa.int64())
    return times.to_numpy().astype(np.int64)


def as_times(numbers: Any, kind: pa.DataType) -> pa.Array:
    """Return whole numbers as an Arrow array of times."""
    made = pa.array(numbers.astype(np.int64))
    return made.cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else made.cast(kind)


def _column(values: Any) -> pa.Array:
    """Return numbers as an Arrow array; NaN is missing."""
    return pa.array(values, mask=np.isnan(values)) if values.dtype.kind == "f" else pa.array(values)


def status_words(codes: Any) -> pa.Array:
    """Return statuses in words."""
    return words(STATUSES, to_host(codes))


def words(names: Sequence[str], places: Any) -> pa.Array:
    """Return an Arrow array of some names by their places: no text is made in Python for each row."""
    return pa.array(list(names), pa.large_string()).take(pa.array(places))


def levels_of(given: float | Sequence[float] | None) -> tuple[float, ...]:
    """Return levels in per cent, each once, or say which one is none."""
    levels = checked_levels(() if given is None else given)
    if len(set(levels)) < len(levels):
        msg = f"level={given!r}: a level is there twice. Give each once."
        raise UsageError(msg)
    return levels


def band_names(levels: Sequence[float]) -> list[str]:
    """Return the names of the columns of levels.

    Examples
    --------
    >>> band_names((80, 97.5))
    ['lower_80', 'upper_80', 'lower_97.5', 'upper_97.5']
    """
    return [f"{end}_{level:g}" for level in levels for end in ("lower", "upper")]

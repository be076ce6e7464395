"""What tables look like that a run gave out or wrote: their first rows, and what those hold column by column.

It looks at no more than `FIRST_ROWS` rows of `FIRST_COLUMNS` columns, which are here anyway, or stand where what was written begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gpupipe.core.ends import FIRST_COLUMNS, FIRST_ROWS
from gpupipe.core.errors import DtypeError
from gpupipe.report.units import plural, rows_text
from gpupipe.report.values import python_values

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_ROWS = 5
_MOST_CHARS = 40
SECTION = "Data"


def preview_cards(
    outputs: Mapping[str, Any], stages: Mapping[str, int], written: Mapping[int, pa.Table | None]
) -> Iterator[dict[str, Any]]:
    """Yield a card for each table among the outputs whose first rows are in the host's memory, or were read back.

    Parameters
    ----------
    outputs
        By name: frames, Arrow tables, what stands for tables elsewhere, and what sinks tell of what they wrote.
    stages
        The number of the stage that each output is of.
    written
        By the number of a sink, the first rows of what it wrote.
    """
    for name, value in outputs.items():
        shape = getattr(value, "shape", None)
        if stages[name] in written and isinstance(value, Mapping):
            first, n_rows, n_columns = written[stages[name]], value.get("rows"), value.get("columns")
        elif isinstance(shape, tuple) and len(shape) == 2 and (first := _first_of(value)) is not None:
            n_rows, n_columns = shape
        else:
            continue
        if first is not None:
            yield {"stage": stages[name], "section": SECTION, "title": name, "parts": list(_parts(first, n_rows, n_columns))}


def _first_of(value: Any) -> pa.Table | None:
    """Return the first rows of a table in the host's memory; None where it is none, or lies on a device."""
    if hasattr(value, "slice") and hasattr(value, "select"):  # Arrow's
        made: pa.Table = value.slice(0, FIRST_ROWS).select(value.column_names[:FIRST_COLUMNS])
        return made
    frame = getattr(value, "first", value)  # of a table that stayed on workers, what came here
    if not hasattr(frame, "to_arrow") or frame.implementation.is_cudf():
        return None
    table: pa.Table = frame.select(frame.columns[:FIRST_COLUMNS]).head(FIRST_ROWS).to_arrow()
    return table.slice(0)


def _parts(first: pa.Table, n_rows: int | None, n_columns: int | None) -> Iterator[dict[str, Any]]:
    """Yield the first rows as a table, and what the columns hold."""
    names = [name if name.strip() else repr(name) for name in first.column_names]
    shown = [python_values(column.slice(0, SHOWN_ROWS)) for column in first.columns]
    rows = [[str(number), *map(_cell, row)] for number, row in enumerate(zip(*shown, strict=True), start=1)]
    if n_columns is not None and n_columns > len(names):
        yield {"kind": "text", "text": f"The first {rows_text(len(names))} of {rows_text(n_columns)} columns."}
    yield {"kind": "table", "title": f"First rows of {rows_text(n_rows)}", "columns": ["Row", *names], "rows": rows, "as_is": True}
    whole = n_rows is None or first.num_rows >= n_rows
    of = f"all {plural(first.num_rows, 'row')}" if whole else f"the first {rows_text(first.num_rows)} of {rows_text(n_rows)} rows"
    told = [_told(name, column) for name, column in zip(names, first.columns, strict=True)]
    columns = ["Column", "Dtype", "Missing", "Distinct", "Least", "Greatest"]
    title = f"What the columns hold, in {of}"
    yield {"kind": "table", "title": title, "columns": columns, "rows": told, "as_is": True, "folded": True}


def _told(name: str, column: Any) -> list[Any]:
    """Return what is told of a column: dtype, missing and distinct values, and its ends."""
    import pyarrow as pa  # local: a report that is only read back needs none of it
    import pyarrow.compute as pc  # local: as above

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    told: list[Any] = [name, _dtype_text(column.type), column.null_count]
    try:
        told.append(pc.count_distinct(column, mode="only_valid").as_py())
        ends = python_values(pc.min_max(column).values())
        return [*told, *("" if end is None else _cell(end) for end in ends)]
    except pa.ArrowNotImplementedError:  # lists, records and their like have no order
        return [*told, *[""] * (6 - len(told))]


def _dtype_text(kind: pa.DataType) -> str:
    """Return a dtype as plans and profiles call it."""
    from gpupipe.core.arrow import dtype_of  # local: loads Arrow

    try:
        return str(dtype_of(kind))
    except DtypeError:
        return str(kind)


def _cell(value: Any) -> Any:
    """Return a value as a page shows it: whole numbers as they are, others with up to ten digits, long texts cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else str(value)
    text = plural(len(value), "byte") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"

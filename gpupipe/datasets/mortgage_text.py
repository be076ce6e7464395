"""Mortgage tables as the text of the public files: pipe separated, no header, nothing between two pipes for a null.

The text of a column is made from few parts where it can be: of a dictionary column only the dictionary is written, and a run of
columns that are nearly always null is joined only in the rows that hold something.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.datasets.mortgage_columns import Ints

_MONTH_ONLY = {"maturity_date", "zero_balance_effective_date", "orig_date", "first_pay_date"}
_RARE = 0.05


def _format(values: pa.Array, name: str, *, whole_as_float: bool) -> pa.Array:
    """Return each value as the real files write it."""
    if pa.types.is_date32(values.type):
        return pc.strftime(values, format="%m/%Y" if name in _MONTH_ONLY else "%m/%d/%Y")
    text = values.cast(pa.string())
    if name == "zip":
        return pc.utf8_lpad(text, width=3, padding="0")
    if whole_as_float and pa.types.is_floating(values.type):
        whole = pc.fill_null(pc.equal(pc.floor(values), values), False)
        longer = pc.binary_join_element_wise(text.filter(whole), ".0", "")
        return pc.replace_with_mask(text, whole, longer)
    return text


def _column_text(column: pa.Array, name: str, *, whole_as_float: bool) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return _format(column.dictionary, name, whole_as_float=whole_as_float).take(column.indices)
    return _format(column, name, whole_as_float=whole_as_float)


def _joined(parts: list[pa.Array | pa.Scalar], separator: str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator, null_handling="replace", null_replacement="")


def _with_line_end(column: pa.Array, name: str, *, whole_as_float: bool) -> pa.Array:
    """Return the last column's text, each value and each null followed by the line end."""
    folded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = _format(folded.dictionary, name, whole_as_float=whole_as_float)
    ended = pa.concat_arrays([_joined([texts, pa.scalar("")], "\n"), pa.array(["\n"])])
    return ended.take(pc.fill_null(folded.indices, len(texts)))


def _rare_text(columns: list[pa.Array], names: list[str], *, whole_as_float: bool) -> pa.Array:
    """Return the joined text of columns that hold something in few rows."""
    filled = np.zeros(len(columns[0]), dtype=np.bool_)
    for column in columns:
        if column.null_count < len(column):
            filled |= column.is_valid().to_numpy(zero_copy_only=False)
    rows = pa.array(np.flatnonzero(filled))
    few = [column.take(rows) for column in columns]
    parts = [_column_text(column, name, whole_as_float=whole_as_float) for column, name in zip(few, names, strict=True)]
    texts = pa.concat_arrays([pa.array(["|" * (len(columns) - 1)]), _joined(parts, "|")])
    codes = np.zeros(len(filled), dtype=np.int32)
    codes[filled] = np.arange(1, len(rows) + 1)
    return texts.take(pa.array(codes))


def _runs(columns: list[pa.Array]) -> list[tuple[int, int]]:
    """Return first and last-plus-one of the columns that are written together: runs of rare ones, each other one alone."""
    rare = [len(column) > 0 and column.null_count >= (1 - _RARE) * len(column) for column in columns]
    starts = [i for i in range(len(rare)) if i == 0 or not (rare[i] and rare[i - 1])]
    return list(zip(starts, [*starts[1:], len(rare)], strict=True))


def text_rows(table: pa.Table, *, whole_as_float: bool) -> pa.Array:
    r"""Return the rows of a table as one array of strings, each with its line end.

    Parameters
    ----------
    whole_as_float
        Whether a whole float is written ``360.0``, as in the performance files, or ``360``, as in the acquisition files.

    Examples
    --------
    >>> text_rows(pa.table({"a": [360.0, 6.375], "b": [None, "N"]}), whole_as_float=True).to_pylist()
    ['360.0|\n', '6.375|N\n']
    """
    columns = [pa.concat_arrays(column.chunks) for column in table.columns]
    names = table.column_names
    parts: list[pa.Array | pa.Scalar] = []
    for first, end in _runs(columns[:-1]):
        if end - first > 1:
            parts.append(_rare_text(columns[first:end], names[first:end], whole_as_float=whole_as_float))
        else:
            parts.append(_column_text(columns[first], names[first], whole_as_float=whole_as_float))
    parts.append(_with_line_end(columns[-1], names[-1], whole_as_float=whole_as_float))
    return _joined(parts, "|")


def text_bytes(rows: pa.Array) -> memoryview:
    r"""Return the bytes of consecutive strings, which lie one after another in Arrow's buffer.

    Examples
    --------
    >>> bytes(text_bytes(pa.array(["a|1\n", "b|2\n", "c|3\n"])[1:]))
    b'b|2\nc|3\n'
    """
    offsets: Ints = np.frombuffer(rows.buffers()[1], dtype=np.int32)
    first, end = offsets[rows.offset], offsets[rows.offset + len(rows)]
    return memoryview(rows.buffers()[2])[first:end]

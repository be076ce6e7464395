"""Joins by libcudf's own: it says which rows belong together, and each column is gathered once.

cuDF's ``merge``, and narwhals above it, would take missing keys for equal ones, drop them first in copies of both tables, and take NaN
among keys for missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cudf
import pylibcudf as plc

from gpupipe.core.verbs import Joining
from gpupipe.engines.cudf.frames import column_like, opened
from gpupipe.engines.cudf.grouping import is_plain

_UNEQUAL = plc.types.NullEquality.UNEQUAL
_NULLIFY, _AS_THEY_ARE = plc.copying.OutOfBoundsPolicy.NULLIFY, plc.copying.OutOfBoundsPolicy.DONT_CHECK
_MATCHES = {"inner": plc.join.inner_join, "left": plc.join.left_join, "full": plc.join.full_join}
_KEPT = {"semi": plc.join.left_semi_join, "anti": plc.join.left_anti_join}


def joined(left: Any, right: Any, how: Joining) -> Any:
    """Return two cuDF frames joined; see `Verbs.join`."""
    names = list(left.columns)
    rest = [name for name in right.columns if name not in how.right_on]
    final = {name: name + how.suffix if name in names else name for name in rest}
    if how.how == "cross":
        return _crossed(left, right[rest], [*names, *final.values()])
    if how.how in ("right", "full"):  # the key comes from either side, whose categories differ
        left, right = _without_categories(left, how.left_on), _without_categories(right, how.right_on)
    one, other = _keys(left, how.left_on, left, how.left_on), _keys(right, how.right_on, left, how.left_on)
    with opened(*one) as left_keys, opened(*other) as right_keys:
        tables = plc.Table(left_keys), plc.Table(right_keys)
        if how.how in _KEPT:
            kept = _KEPT[how.how](*tables, _UNEQUAL)
            return _frame_of(_gathered(left, kept, _AS_THEY_ARE), left, kept.size())
        if how.how == "right":
            from_right, from_left = plc.join.left_join(tables[1], tables[0], _UNEQUAL)
        else:
            from_left, from_right = _MATCHES[how.how](*tables, _UNEQUAL)
    made = _gathered(left, from_left, _AS_THEY_ARE if how.how in ("inner", "left") else _NULLIFY)
    if how.how in ("right", "full"):
        keys = _gathered(right[list(how.right_on)], from_right, _NULLIFY)
        for key, of_right in zip(how.left_on, how.right_on, strict=True):
            theirs = keys[of_right]
            made[key] = theirs if how.how == "right" else plc.replace.replace_nulls(made[key], theirs)
    added = _gathered(right[rest], from_right, _AS_THEY_ARE if how.how in ("inner", "right") else _NULLIFY)
    like = {name: left[name] for name in names} | {final[name]: right[name] for name in rest}
    return _frame_of(made | {final[name]: column for name, column in added.items()}, like, from_left.size())


def _without_categories(frame: Any, keys: Sequence[str]) -> Any:
    """Return the frame with categories among the keys as what they stand for."""
    dtypes = {key: frame[key].dtype for key in keys}
    categorical = {key: dtype for key, dtype in dtypes.items() if isinstance(dtype, cudf.CategoricalDtype)}
    return frame.assign(**{key: frame[key].astype(dtype.categories.dtype) for key, dtype in categorical.items()}) if categorical else frame


def _keys(frame: Any, keys: Sequence[str], like: Any, names: Sequence[str]) -> list[Any]:
    """Return the columns of a key in the dtypes of the left table's, categories as what they stand for."""
    made = []
    for key, name in zip(keys, names, strict=True):
        dtype = like[name].dtype
        plain = dtype.categories.dtype if isinstance(dtype, cudf.CategoricalDtype) else dtype
        made.append(frame[key] if frame[key].dtype == plain else frame[key].astype(plain))
    return made


def _gathered(frame: Any, rows: Any, policy: Any) -> dict[str, Any]:
    """Return libcudf's columns of the frame's rows at some positions; where there is none, missing ones."""
    made = {}
    for name in frame.columns:  # one by one, so that each of the frame's own can be spilled when it is done
        with opened(frame[name]) as (column,):
            made[name] = plc.copying.gather(plc.Table([column]), rows, policy).columns()[0]
    return made


def _frame_of(columns: Mapping[str, Any], like: Mapping[str, Any], n_rows: int) -> Any:
    """Return libcudf's columns as a cuDF frame, in the dtypes of others: all at once, as cuDF compares an index for each that is added."""
    if columns and all(is_plain(like[name].dtype) for name in columns):
        return cudf.DataFrame.from_pylibcudf(plc.Table(list(columns.values())), {"columns": list(columns)})
    index = cudf.RangeIndex(n_rows)
    return cudf.DataFrame({name: column_like(like[name], column, index) for name, column in columns.items()}, index=index)


def _crossed(left: Any, right: Any, names: Sequence[str]) -> Any:
    """Return every row of one table beside every row of another."""
    columns = [frame[name] for frame in (left, right) for name in frame.columns]
    with opened(*columns) as found:
        ours, theirs = found[: len(left.columns)], found[len(left.columns) :]
        made = plc.join.cross_join(plc.Table(ours), plc.Table(theirs)).columns()
    like = dict(zip(names, columns, strict=True))
    return _frame_of(dict(zip(names, made, strict=True)), like, len(left) * len(right))

"""Joins by libcudf's own: it says which rows belong together, and each column is gathered once.

cuDF's ``merge``, and narwhals above it, would take missing keys for equal ones, drop them first in copies of both tables, and take NaN
among keys for missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cudf
import pylibcudf as plc

from gpupipe.core.engine import Joining
from gpupipe.engines.cudf.frames import column_like, opened

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
    one, other = _keys(left, how.left_on, left, how.left_on), _keys(right, how.right_on, left, how.left_on)
    with opened(*one) as left_keys, opened(*other) as right_keys:
        tables = plc.Table(left_keys), plc.Table(right_keys)
        if how.how in _KEPT:
            return _gathered(left, _KEPT[how.how](*tables, _UNEQUAL), _AS_THEY_ARE)
        if how.how == "right":
            from_right, from_left = plc.join.left_join(tables[1], tables[0], _UNEQUAL)
        else:
            from_left, from_right = _MATCHES[how.how](*tables, _UNEQUAL)
    is_left_whole, is_right_whole = how.how in ("inner", "left"), how.how in ("inner", "right")
    made = _gathered(left, from_left, _AS_THEY_ARE if is_left_whole else _NULLIFY)
    added = _gathered(right[rest], from_right, _AS_THEY_ARE if is_right_whole else _NULLIFY).rename(columns=final)
    if how.how in ("right", "full"):
        keys = _gathered(right[list(how.right_on)], from_right, _NULLIFY)
        for key, of_right in zip(how.left_on, how.right_on, strict=True):
            theirs = keys[of_right].astype(made[key].dtype)
            made[key] = theirs if how.how == "right" else _first_there(made[key], theirs)
    for name in final.values():
        made[name] = added[name]
    return made


def _keys(frame: Any, keys: Sequence[str], like: Any, names: Sequence[str]) -> list[Any]:
    """Return the columns of a key in the dtypes of the left table's, categories as what they stand for."""
    made = []
    for key, name in zip(keys, names, strict=True):
        dtype = like[name].dtype
        plain = dtype.categories.dtype if isinstance(dtype, cudf.CategoricalDtype) else dtype
        made.append(frame[key] if frame[key].dtype == plain else frame[key].astype(plain))
    return made


def _gathered(frame: Any, rows: Any, policy: Any) -> Any:
    """Return the frame's rows at some positions; where there is none, missing ones."""
    index = cudf.RangeIndex(rows.size())
    made = {}
    for name in frame.columns:  # one by one, so that each can be spilled when it is done
        with opened(frame[name]) as (column,):
            gathered = plc.copying.gather(plc.Table([column]), rows, policy).columns()[0]
        made[name] = column_like(frame[name], gathered, index)
    return cudf.DataFrame(made, index=index)


def _first_there(ours: Any, theirs: Any) -> Any:
    """Return the left key where there is one, else the right one."""
    if isinstance(ours.dtype, cudf.CategoricalDtype):
        return ours.fillna(theirs)
    with opened(ours, theirs) as (one, other):
        return column_like(ours, plc.replace.replace_nulls(one, other), ours.index)


def _crossed(left: Any, right: Any, names: Sequence[str]) -> Any:
    """Return every row of one table beside every row of another."""
    columns = [frame[name] for frame in (left, right) for name in frame.columns]
    with opened(*columns) as found:
        ours, theirs = found[: len(left.columns)], found[len(left.columns) :]
        made = plc.join.cross_join(plc.Table(ours), plc.Table(theirs)).columns()
    index = cudf.RangeIndex(len(left) * len(right))
    return cudf.DataFrame(
        {name: column_like(column, one, index) for name, column, one in zip(names, columns, made, strict=True)}, index=index
    )

"""What narwhals calls of cuDF for the stages, bound against cuDF: these calls are not in gpupipe's source, but its results hang on them.

Source: narwhals/_pandas_like/{dataframe,group_by,series,utils}.py of 2.29.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

GROUPED = "cudf.core.groupby.groupby:DataFrameGroupBy"
CALLS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("cudf:DataFrame", "groupby", 1, {"sort": False, "as_index": True, "dropna": True, "observed": True}),
    ("cudf:DataFrame", "sort_values", 1, {"ascending": [True], "na_position": "first"}),
    ("cudf:DataFrame", "merge", 1, {"left_on": [], "right_on": [], "how": "left", "suffixes": ("", "_right")}),
    ("cudf:DataFrame", "dropna", 0, {"subset": [], "how": "any"}),
    ("cudf:DataFrame", "drop", 0, {"columns": []}),
    ("cudf:DataFrame", "drop_duplicates", 0, {"subset": [], "keep": "first"}),
    ("cudf:DataFrame", "rename", 0, {"columns": {}}),
    ("cudf:DataFrame", "reset_index", 0, {"drop": True}),
    ("cudf:DataFrame", "duplicated", 0, {"subset": [], "keep": "first"}),
    ("cudf:Series", "fillna", 0, {"value": 0}),
    ("cudf:Series", "isin", 1, {}),
    ("cudf:Series", "where", 2, {}),
    ("cudf:Series", "mask", 2, {}),
    ("cudf:Series", "shift", 1, {}),
    ("cudf:Series", "diff", 0, {}),
    ("cudf:Series", "clip", 2, {}),
    ("cudf:Series", "round", 1, {}),
    ("cudf:Series", "cumsum", 0, {"skipna": True}),
    ("cudf:Series", "between", 2, {}),
    (GROUPED, "nunique", 0, {"dropna": False}),
    (GROUPED, "nth", 0, {"n": 0}),
    (GROUPED, "quantile", 0, {"q": 0.5, "interpolation": "linear"}),
    (GROUPED, "std", 0, {"ddof": 0}),
    (GROUPED, "var", 0, {"ddof": 0}),
    (GROUPED, "sum", 0, {}),
    (GROUPED, "mean", 0, {}),
    (GROUPED, "median", 0, {}),
    (GROUPED, "min", 0, {}),
    (GROUPED, "max", 0, {}),
    (GROUPED, "count", 0, {}),
    (GROUPED, "size", 0, {}),
    (GROUPED, "shift", 1, {}),
    (GROUPED, "cumsum", 0, {}),
    (GROUPED, "rank", 0, {"method": "min", "na_option": "keep", "ascending": True, "pct": False}),
]


@pytest.mark.parametrize(("owner", "method", "n_positional", "keywords"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_calls(owner: str, method: str, n_positional: int, keywords: dict[str, Any]) -> None:
    module, _, name = owner.partition(":")
    kind = getattr(import_module(module), name)
    found = inspect.getattr_static(kind, method)
    if isinstance(found, property):  # nth gives an object that is called
        found = import_module("cudf.core.groupby.groupby").GroupByNthSelector.__call__
    if type(found).__name__ == "Operation":  # made of _reduce or _scan when it is asked for
        found = found._base_operation
        keywords = {"op": method, **keywords}
    inspect.signature(found).bind(None, *[None] * n_positional, **keywords)

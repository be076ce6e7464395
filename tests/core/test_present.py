"""Keys before they are numbered: categories become text on each library, and a missing one is told with its column."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest

from gpupipe.core.errors import StageError
from gpupipe.core.present import as_text, require_present

FRAMES = [
    pl.DataFrame({"a": ["x", "y"], "n": [1, None]}).with_columns(pl.col("a").cast(pl.Categorical)),
    pd.DataFrame({"a": pd.Categorical(["x", "y"]), "n": [1, None]}),
]


@pytest.mark.parametrize("frame", FRAMES, ids=["polars", "pandas"])
def test_keys(frame: pl.DataFrame | pd.DataFrame) -> None:
    given = nw.from_native(frame, eager_only=True)
    made = as_text(given, ["a", "a", "n"])
    assert made.schema["a"] == nw.String and made["a"].to_list() == ["x", "y"]
    assert as_text(made, ["a"]) is made
    require_present(made, ["a"], "Stage", "a key")
    with pytest.raises(StageError, match=r"^Stage expects a key in every row of 'n', got 1 missing\. Fill them, or drop those rows\.$"):
        require_present(made, ["a", "n"], "Stage", "a key")

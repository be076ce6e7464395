from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import UsageError
from gpupipe.stages.chain import Chain
from gpupipe.stages.fill_null import FillNull
from gpupipe.stages.filter import Filter
from gpupipe.stages.rename import Rename
from gpupipe.stages.standardize import Standardize
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(Chain(Filter(nw.col("flag")), FillNull({"small": 0}), Rename(small="tiny")), cut[0], cuts=cut[1])


def test_stages_run_one_after_the_other() -> None:
    frame = pl.DataFrame({"a": [1.0, 3.0]})
    chain = Chain(Rename(a="b"), Standardize("b").fit_plain(frame.rename({"a": "b"})))
    assert chain.apply(frame).to_dicts() == [{"b": -1.0}, {"b": 1.0}]
    assert chain.name == "Rename >> Standardized"
    assert chain.same_rows()
    assert not Chain(Filter(nw.col("a"))).same_rows()


def test_what_is_no_row_stage() -> None:
    for stages, shown in (((), r"\[\]"), ((Standardize("a"),), r"\['Standardize'\]")):
        with pytest.raises(UsageError, match=rf"^Chain expects row stages \(fit stages after they are fitted\), got {shown}\.$"):
            Chain(*stages)  # type: ignore[arg-type]

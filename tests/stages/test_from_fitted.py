"""What an earlier run has fitted, as a node: it answers as it did there, on every engine, and is refused where it has no answers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gpupipe as gp
from gpupipe.core.errors import UsageError, WiringError
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame({"a": [0, 0, 1, 1, 2, 2], "b": [0, 1, 0, 1, 0, 1], "v": [1.0, 2.0, 2.0, 4.0, 3.0, 7.0]})


def tensor(table: gp.Table) -> gp.Tensor:
    """Return the rows as a tensor."""
    return gp.ToTensor(["a", "b"], "v")(table)


def test_law_and_answers(tmp_path: Path) -> None:
    table = gp.FromFrame(ROWS).node()
    model = gp.CP(1).fit(tensor(table))
    there = gp.Pipeline("first", model=model, cells=model.score(tensor(table))).run("cpu")
    loaded = gp.load(gp.save(there["model"], tmp_path / "model"))
    here = check_task(lambda rows: gp.FromFitted(loaded).node().score(tensor(rows)), ROWS)
    assert_frame_equal(pl.from_arrow(here.to_arrow()), pl.from_arrow(there["cells"].to_arrow()), check_row_order=False, check_dtypes=False)


def test_what_has_no_answers_is_refused() -> None:
    scaler = gp.Standardize("v").fit_plain(ROWS)
    with pytest.raises(UsageError, match=r"got a Standardized\. A stage or model is called on a table"):
        gp.FromFitted(scaler)
    table = gp.FromFrame(ROWS).node()
    held = gp.Pipeline("first", model=gp.CP(1).fit(tensor(table))).run("cpu")["model"]
    with pytest.raises(WiringError, match=r"has no answer 'predict'"):
        gp.FromFitted(held).node().predict(table)

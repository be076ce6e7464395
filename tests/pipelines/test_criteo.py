"""A click log in Criteo's own form: clicks are told from others, and codes are those that Polars counts."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

import gpupipe as gp
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "criteo.py"


def test_a_log_of_criteos_form(tmp_path: Path) -> None:
    before = list(sys.path)
    criteo = sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before
    rows = pl.from_arrow(criteo.made_up(6000))
    assert isinstance(rows, pl.DataFrame)
    rows.write_csv(tmp_path / "day_0", separator="\t", include_header=False)
    result = criteo.pipeline(str(tmp_path / "day_0"), least=5, trees=20).run()
    assert result["scores"]["roc_auc"] > 0.6

    train, _ = gp.Split((0.8, 0.2)).apply(rows)
    gp.save(result["prepared"], tmp_path / "prepared")  # as --report does
    prepared = gp.load(tmp_path / "prepared").apply(train)
    for name in ("C2", "C26"):
        codes = pl.DataFrame({"word": train[name], "code": prepared[name]}).group_by("word", "code").len()
        known = codes.filter(pl.col("code") > 2).sort("code")
        assert known["code"].to_list() == list(range(3, 3 + len(known)))
        assert known["len"].to_list() == sorted(known["len"], reverse=True) and known["len"].min() >= 5
        rare = codes.filter(pl.col("code") == 2)
        assert rare["len"].max() < 5 and rare["word"].null_count() == 0
        assert codes.filter(pl.col("code") == 1)["word"].to_list() == [None]
    assert prepared["I5"].to_list() == (train["I5"].fill_null(0).clip(0).cast(pl.Float64) + 1).log().to_list()
    assert 0 < result["unknown"]["C2"] < 1

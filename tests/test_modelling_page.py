"""docs/modelling.md: its file runs, with its commands, and scores as it says."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from gpupipe.cli import app
from tests.test_readme import ROOT, blocks

PAGE = (ROOT / "docs" / "modelling.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "churn.py").write_text("\n\n".join(blocks(PAGE, "python")), encoding="utf-8")
    return tmp_path


def test_the_page_runs_as_printed(folder: Path) -> None:
    (commands,) = blocks(PAGE, "sh")
    names = {"made_up": None}
    for number, line in enumerate(commands.splitlines()):
        if number == len(commands.splitlines()) - 1:
            names = runpy.run_path(str(folder / "churn.py"))  # another test may have loaded a module of that name
            pl.from_arrow(names["made_up"](51)).drop_nulls().drop("left").write_parquet(folder / "customers.parquet")  # type: ignore[union-attr]
        ended = CliRunner().invoke(app, line.split()[1:], prog_name="gpupipe")
        assert ended.exit_code == 0, f"{line}\n{ended.output}"
    sys.modules.pop("churn")
    scored = pl.read_csv(folder / "scored.csv")
    assert scored.columns == ["id", "probability", "prediction"]
    assert len(scored) == 50
    outputs = json.loads((folder / "runs" / "1" / "report.json").read_text())["outputs"]
    assert outputs["counts"] == {"read": 2000, "kept": 1998, "rejected": 2, "paid": 1, "since": 1, "once": 0}
    assert outputs["scores"]["roc_auc"] > 0.7
    assert outputs["compared"]["calibrated"].keys() >= {"log_loss", "log_loss_low", "log_loss_difference_high"}
    assert pl.read_parquet(folder / "rejected.parquet")["reason"].to_list() == ["paid", "since"]

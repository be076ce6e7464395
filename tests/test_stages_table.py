"""The table of stages in docs/stages.md: every name is of the face and of the kind that it says, and no stage of tables is left out."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pandas as pd
import polars as pl
import sklearn.base
import sklearn.utils.discovery

import gpupipe as gp
from gpupipe.core.barrier import Barrier
from gpupipe.core.stage import Stage, TableStage

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "stages.md").read_text(encoding="utf-8")


def rows() -> list[dict[str, str]]:
    """Return the tables' rows, by the heads of their columns."""
    made, heads = [], list[str]()
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| for |"):
            heads = cells
        elif line.startswith("| ") and heads:
            made.append(dict(zip(heads, cells, strict=True)))
    return made


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def test_every_named_stage_is_there_and_of_its_kind() -> None:
    words = {"fit": "fitted", "row": "row", "key": "key", "table": "table", "value": "value"}
    for row in rows():
        for name in names(row["stage"]):
            stage = getattr(gp, name)
            if inspect.isclass(stage) and issubclass(stage, Stage) and row["kind"]:
                assert words[stage.kind] in row["kind"], name


def test_no_stage_of_tables_is_left_out() -> None:
    told = {name for row in rows() for name in names(row["stage"])}
    for name in gp.__all__:
        stage = getattr(gp, name)
        if inspect.isclass(stage) and stage.__module__.count(".") == 2 and stage.__module__.startswith("gpupipe.stages."):
            is_stage = issubclass(stage, TableStage) or (issubclass(stage, Barrier) and stage.kind == "fit")
            if is_stage:
                assert name in told, f"{name} is not in docs/stages.md"


def test_counterparts_of_scikit_learn_are_there() -> None:
    known = {name for name, _ in sklearn.utils.discovery.all_estimators()} | {"make_column_selector"}
    told = [name for row in rows() for name in names(row.get("scikit-learn", ""))]
    assert len(told) > 15
    assert not set(told) - known


def test_counterparts_of_pandas_and_polars_are_there() -> None:
    frame = pd.DataFrame({"a": [1]})
    places = [pd, pd.DataFrame, pd.Series, frame.groupby("a"), frame.rolling(1), frame.expanding(), pd.Series.dt, pl, pl.Expr, pl.DataFrame]
    places += [pl.LazyFrame, pl.DataFrame({"a": [1]}).group_by("a"), pl.col("a").dt, pl.col("a").list, pl.col("a").str, pl.col("a").cat]
    cells = [row.get(head, "") for row in rows() for head in ("pandas, Polars", "pandas", "Polars")]
    told = [name for cell in cells for name in re.findall(r"`(\w+)(?![\w*])", cell)]
    assert len(told) > 30
    assert not [name for name in told if not any(hasattr(place, name) for place in places)]


def test_tables_have_one_form() -> None:
    heads = [line for line in TEXT.splitlines() if line.startswith("| for |")]
    assert len(heads) == 3
    assert all("| stage | kind |" in head for head in heads)


def test_the_example_runs() -> None:
    block = re.search(r"```python\n(.*?)```", TEXT, re.S)
    assert block is not None
    rows = {"id": range(40), "age": [None, *range(39)], "income": [float(n % 7) for n in range(40)], "plan": ["a", "b"] * 20}
    frame = pl.DataFrame(rows | {"city": list("stuv") * 10, "y": [0, 1, 1, 0] * 10})
    train = gp.FromFrame(frame).node()
    names = {"gp": gp, "train": train, "test": gp.Limit(5)(train)}
    exec(block[1], names)
    made = gp.Pipeline("p", train=names["prepared"][0], test=names["prepared"][1]).run()
    assert made["train"].columns == ["id", "age", "income", "city", "y", "age_missing", "income_missing", "plan_a", "plan_b", "plan_rare"]
    assert len(made["test"]) == 5

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ArtefactError
from gpupipe.core.expression_json import _METHODS, _OPERATORS, _START

FRAME = pl.DataFrame(
    {
        "a": [1.5, -2.0, None],
        "n": [1, 2, 3],
        "s": ["x-1", "Yy", None],
        "d": [dt.date(2020, 1, 31), None, dt.date(2021, 2, 1)],
        "t": [dt.datetime(2020, 1, 1, 5)] * 3,
    }
)
EXPRESSIONS: dict[str, Any] = {
    "arithmetic": (1 - nw.col("a")) * 2 / nw.col("n") ** 2 + nw.col("n") // 2 % 3,
    "choice": nw.when((nw.col("a") > 0) & ~nw.col("s").is_null()).then(nw.lit("up")).otherwise(nw.col("s").str.to_lowercase()),
    "nested": nw.when(nw.col("a") > 0).then(nw.when(nw.col("n") == 1).then(1).otherwise(2)).otherwise(3),
    "one of": nw.col("n").is_in([1, 3]) | nw.col("a").is_between(-3, 0, closed="left"),
    "text": nw.concat_str(nw.col("s"), nw.lit("!"), separator="").str.replace_all("-", "+", literal=True),
    "times": nw.col("d").dt.year() + nw.col("t").dt.hour(),
    "literal times": nw.col("d") > dt.date(2020, 6, 1),
    "datetime": nw.col("t") < dt.datetime(2020, 1, 1, 6),
    "horizontal": nw.sum_horizontal("a", nw.col("n")) + nw.coalesce(nw.col("a"), nw.lit(0.0)),
    "cast": nw.col("n").cast(nw.Float32).round(1).clip(0, 2).alias("z"),
    "clip on one side": nw.col("n").clip(0).clip(upper_bound=2) * 2,
    "further": nw.col("s").str.strip_chars_end("-").str.pad_start(5),
    "infinite": nw.col("a").fill_null(float("inf")),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_comes_back_and_makes_the_same(name: str, tmp_path: Any) -> None:
    stage = gp.Select(out=EXPRESSIONS[name])
    loaded = gp.load(gp.save(stage, tmp_path / "stage"))
    assert loaded.apply(FRAME).equals(stage.apply(FRAME))


def test_every_name_is_one_of_narwhals() -> None:
    known = {name for name in dir(nw) if not name.startswith("_")} | {"when_then"}
    assert known >= _START
    column = nw.col("a")
    for name in _OPERATORS | _METHODS:
        found: Any = column
        for part in name.split("."):
            found = getattr(found, part, None)
        assert callable(found), name


@pytest.mark.parametrize(
    "refused", [nw.col("a").map_batches(lambda given: given), nw.all() * 2, nw.col("a").replace_strict([1], [2], return_dtype=nw.Int64)]
)
def test_what_a_file_cannot_hold_is_said(refused: Any, tmp_path: Any) -> None:
    with pytest.raises(ArtefactError, match="cannot be saved"):
        gp.save(gp.Select(out=refused), tmp_path / "stage")


def test_an_expression_of_several_rows_is_no_part_of_what_is_saved(tmp_path: Any) -> None:
    with pytest.raises(ArtefactError, match="look at several rows"):
        gp.save(gp.WithColumns(out=nw.col("a") - nw.col("a").mean()), tmp_path / "stage")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"name": "abs"', '"name": "map_batches"', "Expected an operation"),
        ('"name": "abs"', '"name": "__class__"', "Expected an operation"),
        ('"name": "abs"', '"name": "col"', "begins with a column"),
        ('"kind": "ELEMENTWISE"', '"kind": "SERIES"', "Expected an operation"),
        ('"options": {}', '"options": {"exprs": []}', "Expected an operation"),
    ],
)
def test_a_file_can_name_no_other_operation(old: str, new: str, said: str, tmp_path: Any) -> None:
    file = gp.save(gp.Select(out=nw.col("a").abs()), tmp_path / "stage") / "stage.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert json.loads(file.read_text())
    with pytest.raises(ArtefactError, match=said):
        gp.load(file.parent)

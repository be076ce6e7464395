"""Runs that keep their results, and runs that take them: the same outputs, and nothing done twice."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

import gpupipe as gp
from gpupipe.checkpoints.keeper import Keeper
from gpupipe.checkpoints.store import Entry, Store
from gpupipe.core.barrier import Barrier
from gpupipe.core.ends import Reading, Source
from gpupipe.core.engine import Engine
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.node import Table, Value
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema, as_schema
from gpupipe.core.stage import RowStage
from gpupipe.core.want import Want

N = 200
ROWS = {
    "id": list(range(N)),
    "x": [None if i % 7 == 0 else i / 3 for i in range(N)],
    "y": [i % 3 == 0 for i in range(N)],
    "s": [None if i % 5 == 0 else f"t{i % 4}" for i in range(N)],
}


ARROW = pa.schema([("id", "i8"), ("x", "f8"), ("y", "bool"), ("s", "large_string")])


class Counting(Source):
    """A source that says when its rows change, and counts how often it is read."""

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def schema(self) -> Schema:
        return as_schema({"id": nw.Int64, "x": nw.Float64, "y": nw.Boolean, "s": nw.String})

    def fingerprint(self) -> Any:
        return self.version

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        os.environ["CKP_READ"] = str(int(os.environ.get("CKP_READ", "0")) + 1)  # a global of this file would be in the address
        return pa.table(ROWS).cast(ARROW).select(reading.columns).to_reader()


@gp.rows
def doubled(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(z=nw.col("x") * 2)


def _pipeline(out: Path | None = None, version: int = 1) -> gp.Pipeline:
    """Return a pipeline of three phases, with a table, models, scores and a sink among its outputs."""
    source = Counting(version).node().named("source")
    table = doubled(source).named("doubled") >> gp.FillNull(0.0, columns=["x", "z"]) >> gp.SortRows("id")
    table = table.named("sorted")
    scaler = gp.Standardize(["x", "z"]).fit(table).named("scaler")
    scaled = scaler(table).named("scaled")
    linear = gp.Learn(LogisticRegression(), target="y", features=["x", "z"]).fit(scaled).named("linear")
    trees = gp.Learn(XGBClassifier(n_estimators=5, n_jobs=1), target="y", features=["x", "z"]).fit(scaled, scaled).named("trees")
    proba = trees.predict_proba(scaled).named("proba")
    scores = gp.Evaluate(("roc_auc", "log_loss"), target="y")(proba).named("scores")
    low = gp.Scalar(low=nw.col("x").min(), high=nw.col("id").max())(table).named("low")
    outputs: dict[str, Any] = {"linear": linear, "trees": trees, "scores": scores, "low": low, "proba": proba}
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(linear.predict(scaled)).named("out")
    return gp.Pipeline("three", outputs)


def _plain(result: Any) -> dict[str, Any]:
    """Return a run's outputs as values that compare."""
    found: dict[str, Any] = {}
    frame = pl.DataFrame({"x": [0.5, -1.0], "z": [1.0, 3.0]})
    for name, value in result.items():
        if isinstance(value, nw.DataFrame):
            found[name] = (str(value.schema), repr(value.to_arrow().to_pylist()))
        elif hasattr(value, "apply"):
            found[name] = value.apply(frame)["prediction"].to_list()
        else:
            found[name] = repr(value)
    found["curves"] = repr(sorted(result.report["curves"], key=lambda curve: curve["label"]))
    found["models"] = repr(sorted(result.report["models"], key=lambda model: model["label"]))
    return found


def _fates(result: Any) -> dict[str, str | None]:
    """Return what became of each labelled stage."""
    return {stage["label"]: stage["checkpoint"] for stage in result.report["stages"] if stage["label"]}


def test_a_second_run_takes_everything_and_computes_nothing(engine: str, tmp_path: Path) -> None:
    os.environ["CKP_READ"] = "0"
    plain = _pipeline().run(engine)
    kept = _pipeline().run(engine, checkpoints=str(tmp_path / "kept"))
    taken = _pipeline().run(engine, checkpoints=str(tmp_path / "kept"), resume=True)
    assert _plain(kept) == _plain(plain)
    assert _plain(taken) == _plain(plain)
    assert os.environ["CKP_READ"] == "2", "the run that took everything read the source"
    fates = _fates(taken)
    assert {label for label, fate in fates.items() if fate == "taken"} == {"linear", "trees", "scores", "low", "proba"}
    assert {fate for label, fate in fates.items() if label not in taken and label != "proba"} == {"skipped"}
    assert {label for label, fate in _fates(kept).items() if fate == "kept"} == {*taken, "sorted", "scaler", "scaled"} - {"three"}
    rows = {stage["label"]: stage["rows_out"] for stage in taken.report["stages"]}
    assert rows["proba"] == N
    assert taken.report["checkpoints"]["remarks"] == []
    assert "checkpoints" not in plain.report


def test_results_are_taken_only_where_it_is_asked_for(engine: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    _pipeline().run(engine, checkpoints=folder)
    again = _pipeline().run(engine, checkpoints=folder)
    assert set(_fates(again).values()) == {None, "kept"}


@pytest.mark.parametrize(
    ("lost", "computed"),
    [
        ({"scores"}, {"scores"}),
        ({"trees"}, {"trees"}),
        ({"trees", "scores", "proba"}, {"trees", "scores", "proba"}),
        ({"scaled", "scaler", "trees"}, {"scaled", "scaler", "trees"}),
        ({"sorted", "low"}, {"source", "doubled", "sorted", "low"}),
    ],
)
def test_what_is_missing_is_computed_and_no_more(engine: str, tmp_path: Path, lost: set[str], computed: set[str]) -> None:
    folder = str(tmp_path / "kept")
    whole = _pipeline().run(engine, checkpoints=folder)
    store = Store(folder)
    for entry in store.entries():
        if any(f"({label})" in entry.stage for label in lost):
            store.remove(entry)
    again = _pipeline().run(engine, checkpoints=folder, resume=True)
    assert _plain(again) == _plain(whole)
    assert {label for label, fate in _fates(again).items() if fate in (None, "kept")} == computed
    full = _pipeline().run(engine, checkpoints=folder, resume=True)
    assert set(_fates(full).values()) == {"taken", "skipped"}


def test_sinks_are_written_again_from_what_is_kept(engine: str, tmp_path: Path) -> None:
    folder, out = str(tmp_path / "kept"), tmp_path / "out.parquet"
    _pipeline(out).run(engine, checkpoints=folder)
    whole = pl.read_parquet(out)
    out.unlink()
    os.environ["CKP_READ"] = "0"
    again = _pipeline(out).run(engine, checkpoints=folder, resume=True)
    assert pl.read_parquet(out).equals(whole)
    assert again["out"]["rows"] == N
    assert os.environ["CKP_READ"] == "0"


def test_a_source_that_changed_is_read_again(engine: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    _pipeline().run(engine, checkpoints=folder)
    again = _pipeline(version=2).run(engine, checkpoints=folder, resume=True)
    assert set(_fates(again).values()) == {None, "kept"}


@pytest.mark.parametrize("what", ["scores", "trees", "linear", "proba"])
def test_a_damaged_entry_is_computed_again_and_told(engine: str, tmp_path: Path, what: str) -> None:
    folder = str(tmp_path / "kept")
    whole = _pipeline().run(engine, checkpoints=folder)
    store = Store(folder)
    (entry,) = [one for one in store.entries() if f"({what})" in one.stage]
    name = next((name for name in entry.files if not name.endswith(".json")), None)
    path = Path(store.folder(entry), name) if name else Path(store.folder(entry)).parent / "entry.json"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    again = _pipeline().run(engine, checkpoints=folder, resume=True)
    assert _plain(again) == _plain(whole)
    assert _fates(again)[what] == "kept"
    (remark,) = again.report["checkpoints"]["remarks"]
    assert remark["text"].startswith("computed again, since its checkpoint is damaged: ")
    assert [again.report["stages"][number]["label"] for number in remark["stages"]] == [what]
    assert _fates(_pipeline().run(engine, checkpoints=folder, resume=True))[what] == "taken"


DTYPES = pl.DataFrame(
    {
        "f": [1.5, float("nan"), None, -0.0],
        "f32": pl.Series([1.5, float("nan"), None, float("inf")], dtype=pl.Float32),
        "i8": pl.Series([1, None, -128, 127], dtype=pl.Int8),
        "u64": pl.Series([2**64 - 1, None, 0, 1], dtype=pl.UInt64),
        "b": [True, None, False, True],
        "s": ["", None, "ä\n\0", "x"],
        "by": [b"", None, b"\0\xff", b"x"],
        "d": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(2020, 2, 29)],
        "ms": pl.Series([dt.datetime(2020, 1, 1), None, dt.datetime(1900, 1, 1), dt.datetime(2262, 1, 1)], dtype=pl.Datetime("ms")),
        "us": pl.Series([0, None, -1, 1], dtype=pl.Int64).cast(pl.Datetime("us", "Europe/Berlin")),
        "ns": pl.Series([0, None, -1, 1], dtype=pl.Int64).cast(pl.Datetime("ns")),
        "dur": pl.Series([0, None, -1, 1], dtype=pl.Int64).cast(pl.Duration("us")),
        "t": [dt.time(0), None, dt.time(23, 59, 59, 999999), dt.time(1)],
        "dec": pl.Series([decimal.Decimal("1.10"), None, decimal.Decimal("-9.99"), decimal.Decimal(0)], dtype=pl.Decimal(9, 2)),
        "l": [[1.0, None], None, [], [float("nan")]],
        "st": [{"a": 1, "b": None}, None, {"a": None, "b": "x"}, {"a": 2, "b": ""}],
    }
)


def test_every_dtype_null_and_nan_comes_back(engine: str, tmp_path: Path) -> None:
    table = gp.FromFrame(DTYPES, nan_as_null=False).node() >> gp.SortRows("u64")
    pipeline = gp.Pipeline("types", table=table, none=gp.Filter(nw.col("u64") > 5, nw.col("u64") < 4)(table))
    plain, kept, taken = (
        pipeline.run(engine, **options)
        for options in ({}, {"checkpoints": str(tmp_path / "kept")}, {"checkpoints": str(tmp_path / "kept"), "resume": True})
    )
    assert taken.report["checkpoints"]["remarks"] == []
    assert len(taken.report["checkpoints"]["taken"]) == 2
    for name in ("table", "none"):
        schemas = [{**result[name].schema, "by": None} for result in (taken, kept, plain)]  # pandas has two dtypes for bytes
        assert schemas[0] == schemas[1] == schemas[2]
        assert repr(taken[name].to_arrow().to_pylist()) == repr(plain[name].to_arrow().to_pylist())


def test_categories_come_back_as_categories(engine: str, tmp_path: Path) -> None:
    table = gp.FromFrame(pl.DataFrame({"s": ["b", None, "a"]})).node() >> gp.Cast({"s": nw.Categorical})
    pipeline = gp.Pipeline("p", table=table)
    plain = pipeline.run(engine)["table"]
    for resume in (False, True):
        result = pipeline.run(engine, checkpoints=str(tmp_path / "kept"), resume=resume)
        assert result.report["checkpoints"]["remarks"] == []
        assert str(result["table"].schema) == str(plain.schema)
        assert result["table"].to_arrow()["s"].cast(pa.string()).to_pylist() == ["b", None, "a"]


def test_a_store_on_another_file_system_is_used_alike(engine: str, tmp_path: Path) -> None:
    folder = f"memory://{tmp_path.name}/kept"
    whole = _pipeline().run(engine, checkpoints=folder)
    again = _pipeline().run(engine, checkpoints=folder, resume=True)
    assert _plain(again) == _plain(whole)
    assert set(_fates(again).values()) == {"taken", "skipped"}


def test_files_that_keep_keys_together_are_kept_whole(tmp_path: Path) -> None:
    for number in range(3):
        pl.DataFrame({"k": [number] * 4, "i": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0]}).write_parquet(tmp_path / f"{number}.parquet")
    table = gp.ReadParquet(tmp_path / "*.parquet", key="k").node() >> gp.Rolling("k", index="i", start=-1, stop=1, m=("x", "max"))
    pipeline = gp.Pipeline("p", table=gp.SortRows(["k", "x"])(table), scaler=gp.Standardize("m").fit(table))
    whole = pipeline.run("cpu", checkpoints=str(tmp_path / "kept"))
    again = pipeline.run("cpu", checkpoints=str(tmp_path / "kept"), resume=True)
    assert again["table"].to_native().equals(whole["table"].to_native())


@dataclass(frozen=True)
class Held(Barrier):
    """Gives a value that no file holds."""

    gives = Value

    kind = "value"

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        return (Want(lambda _, frame: frame.select(nw.len()), "arrow"),)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        return {1, 2}


def test_what_cannot_be_kept_is_told_and_the_run_goes_on(engine: str, tmp_path: Path) -> None:
    table = gp.FromFrame(pl.DataFrame({"a": [1]})).node()
    query = gp.ReadSql("SELECT 1 AS a", "sqlite:///:memory:").node()
    held: Value = Held().wire((table,))
    pipeline = gp.Pipeline("p", held=held, n=gp.Scalar(nw.len())(query), query=query)
    for resume in (False, True):
        result = pipeline.run(engine, checkpoints=str(tmp_path / "kept"), resume=resume)
        assert (result["held"], result["n"]) == ({1, 2}, 1)
        told = {remark["text"]: len(remark["stages"]) for remark in result.report["checkpoints"]["remarks"]}
        assert sorted(told.values()) == [1, 2]
        assert any("got set. Only those are kept" in text for text in told)
        assert any("SELECT 1 AS a have changed cannot be told" in text for text in told)
    assert list(Store(str(tmp_path / "kept")).entries()) == []


def test_a_store_that_fails_does_not_fail_the_run(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Entry:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "commit", full)
    result = _pipeline().run(engine, checkpoints=str(tmp_path / "kept"))
    assert result["low"]["low"] == 0.0
    (remark,) = result.report["checkpoints"]["remarks"]
    assert "No space left" in remark["text"]
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.name.startswith("part-")]


def test_rows_of_a_file_that_changed_meanwhile_are_not_kept(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"x": [1.0, 2.0]}).write_parquet(path)

    @gp.rows
    def meddling(frame: nw.LazyFrame) -> nw.LazyFrame:
        if os.environ.get("CKP_MEDDLE"):
            pl.DataFrame({"x": [1.0, 3.0]}).write_parquet(path)
        return frame

    plan_only = gp.Pipeline("p", n=gp.Scalar(nw.col("x").sum())(meddling(gp.ReadParquet(path).node()))).plan()
    keeper = Keeper(str(tmp_path / "kept"), plan_only, engine, resume=False)
    (step,) = [one for one in plan_only.steps if isinstance(one.stage, gp.Scalar)]
    pl.DataFrame({"x": [1.0, 3.0]}).write_parquet(path)
    keeper.keep_result(step, 3.0, {})
    assert list(keeper.store.entries()) == []
    report: dict[str, Any] = {"stages": []}
    keeper.enter(report)
    assert "changed while the run read it" in report["checkpoints"]["remarks"][0]["text"]


def test_a_run_that_fails_has_kept_what_came_before(engine: str, tmp_path: Path) -> None:
    broken = [True]

    @gp.whole_table
    def failing(frame: nw.LazyFrame) -> nw.LazyFrame:
        eager = frame.collect()
        if broken[0] and len(eager):
            raise ValueError("not yet")
        return eager.lazy()

    def build() -> gp.Pipeline:
        table = Counting().node()
        fitted = gp.Standardize("x").fit(table).named("fitted")
        return gp.Pipeline("p", fitted=fitted, out=gp.Scalar(nw.len())(failing(fitted(table))))

    if engine != "pandas":
        pytest.skip("a lazy engine tries functions on empty frames alone; the test of killed runs covers it")
    with pytest.raises(StageError, match="not yet") as caught:
        build().run(engine, checkpoints=str(tmp_path / "kept"))
    assert caught.value.report["checkpoints"]["kept"] == [0, 1]
    broken[0] = False
    again = build().run(engine, checkpoints=str(tmp_path / "kept"), resume=True)
    assert again["out"] == N
    assert _fates(again)["fitted"] == "taken"


def test_without_a_folder_results_are_kept_in_the_default_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline = gp.Pipeline("p", n=gp.Scalar(nw.len())(gp.FromFrame(pl.DataFrame({"a": [1]})).node()))
    assert pipeline.run(resume=True).report["checkpoints"]["kept"] == [1]
    assert pipeline.run(resume=True).report["checkpoints"]["taken"] == [1]
    assert (tmp_path / ".gpupipe" / "checkpoints").is_dir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UsageError, match="holds something else"):
        pipeline.run(checkpoints=str(tmp_path / "mine"))


def test_profile_keeps_and_takes_the_same(tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    whole = _pipeline().run("cpu", checkpoints=folder, profile=True)
    again = _pipeline().run("cpu", checkpoints=folder, resume=True)
    assert _plain(again) == _plain(whole)
    assert set(_fates(again).values()) == {"taken", "skipped"}
    shutil.rmtree(folder)
    assert np.isfinite(_pipeline().run("cpu", checkpoints=folder, resume=True, profile=True)["scores"]["roc_auc"])


def test_a_table_that_is_not_an_output_and_of_one_phase_is_not_kept(tmp_path: Path) -> None:
    table: Table = gp.FromFrame(pl.DataFrame({"a": [1, 2]})).node() >> gp.Filter(nw.col("a") > 1)
    result = gp.Pipeline("p", n=gp.Scalar(nw.len())(table)).run(checkpoints=str(tmp_path / "kept"))
    assert [entry.kind for entry in Store(str(tmp_path / "kept")).entries()] == ["value"]
    assert result["n"] == 1


def test_an_engine_on_workers_keeps_and_takes_the_same(tmp_path: Path, two_workers: str) -> None:
    folder = str(tmp_path / "kept")
    plain = _pipeline().run("dask", cluster=two_workers)
    kept = _pipeline().run("dask", cluster=two_workers, checkpoints=folder)
    taken = _pipeline().run("dask", cluster=two_workers, checkpoints=folder, resume=True)
    assert _plain(plain) == _plain(kept) == _plain(taken)
    assert set(_fates(taken).values()) == {"taken", "skipped"}
    assert taken.report["checkpoints"]["remarks"] == []


@dataclass(frozen=True)
class Halved(RowStage):
    """What `Halve` gives; a class of this file, which the pipeline's own stage stands beside."""

    by: float

    def run(self, verbs: Any, *frames: Any) -> Any:
        return frames[0].with_columns(half=nw.col("x") / self.by)


class Halve(FitStage):
    """A fit stage of somebody's own."""

    def measure(self, verbs: Any, frame: Any) -> Any:
        return frame.select(nw.len())

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        return measured[0]

    def finish(self, statistics: pa.Table) -> RowStage:
        return Halved(2.0)


def test_a_fitted_stage_of_ones_own_is_taken_and_another_class_is_not(tmp_path: Path) -> None:
    table = Counting().node()
    halved = Halve().fit(table).named("halved")
    pipeline = gp.Pipeline("own", rows=halved(table), halved=halved)
    pipeline.run("pandas", checkpoints=str(tmp_path))
    again = pipeline.run("pandas", checkpoints=str(tmp_path), resume=True)
    assert again["halved"] == Halved(2.0)
    assert not again.report["checkpoints"]["remarks"]
    (described,) = tmp_path.rglob("stage.json")
    described.write_text(described.read_text().replace(f"{__name__}:Halved", "subprocess:Popen"))
    entry = described.parent.parent / "entry.json"
    told = json.loads(entry.read_text())
    told["files"]["stage.json"] = [described.stat().st_size, hashlib.sha256(described.read_bytes()).hexdigest()]
    entry.write_text(json.dumps(told))
    poisoned = pipeline.run("pandas", checkpoints=str(tmp_path), resume=True)
    assert poisoned["halved"] == Halved(2.0), "it is fitted again"
    (remark,) = poisoned.report["checkpoints"]["remarks"]
    assert "computed again" in remark["text"]
    assert "none of gpupipe's own" in remark["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"value": {"float": "x"}},
        {"value": {"list": 3}},
        {"described": {"dict": [["models", {"list": [3]}]]}},
        {"described": {"list": []}},
        {"described": {"dict": [["curves", {"list": [{"dict": [["kind", 3]]}]}]]}},
        {"described": {"dict": [["evil", 3]]}},
    ],
    ids=str,
)
def test_a_poisoned_value_is_computed_again(change: dict[str, Any], tmp_path: Path) -> None:
    pipeline = gp.Pipeline("p", n=gp.Scalar(nw.col("x").sum())(Counting().node()))
    first = pipeline.run("pandas", checkpoints=str(tmp_path))
    (entry,) = tmp_path.rglob("entry.json")
    told = json.loads(entry.read_text())
    told["facts"] |= change
    entry.write_text(json.dumps(told))
    again = pipeline.run("pandas", checkpoints=str(tmp_path), resume=True)
    assert again["n"] == first["n"]
    (remark,) = again.report["checkpoints"]["remarks"]
    assert remark["text"].startswith("computed again, since its checkpoint is damaged")

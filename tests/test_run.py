"""The executor: shared work, what is held and let go, the record, and failures."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console
from sklearn.linear_model import LogisticRegression

import gpupipe as gp
from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import SinkError, StageError
from gpupipe.core.schema import Schema, as_schema
from gpupipe.report.form import seconds_around
from gpupipe.report.html import html_page
from gpupipe.report.text import print_summary

FRAME = pl.DataFrame({"k": [1, 1, 2, None], "x": [1.0, 2.0, 3.0, None], "s": ["a", "b", None, "a"]})


class Counting(Source):
    """A source that counts how often it is read."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def schema(self) -> Schema:
        return as_schema({"k": nw.Int64, "x": nw.Float64, "s": nw.String})

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        self.readings.append(reading)
        return FRAME.to_arrow(compat_level=pl.CompatLevel.oldest()).select(list(reading.columns)).to_reader()


def test_shared_work_is_done_once(engine: str) -> None:
    source = Counting()
    table = source.node() >> gp.Filter(nw.col("k") >= 1)
    scaler = gp.Standardize("x").fit(table)
    again = gp.Standardize("x").fit(scaler(table))
    result = gp.Pipeline("p", out=again(scaler(table)), n=gp.Scalar(nw.len())(table), g=gp.GroupBy("k", n=nw.len())(table)).run(engine)
    assert len(source.readings) == 1
    assert result["n"] == 3
    assert set(source.readings[0].columns) == {"k", "x", "s"}


def test_a_table_nobody_needs_any_more_is_let_go() -> None:
    alive: list[Any] = []
    seen: list[bool] = []

    @gp.whole_table
    def first(frame: nw.LazyFrame) -> nw.LazyFrame:
        made = frame.to_native()
        if len(frame.collect()):
            alive.append(weakref.ref(made))
        return nw.from_native(made).lazy().with_columns(nw.lit(1).alias("one"))

    @gp.rows
    def later(frame: nw.LazyFrame) -> nw.LazyFrame:
        gc.collect()
        if alive:
            seen.append(alive[0]() is None)
        return frame

    table = gp.FromFrame(FRAME).node()
    gp.Pipeline("p", n=gp.Scalar(nw.len())(later(later(first(table))))).run("pandas")
    assert seen[-1], "the source's frame was still held when its last consumer had long been done"


def test_rows_seconds_and_columns_are_recorded(engine: str) -> None:
    table = gp.FromFrame(FRAME).node() >> gp.Filter(nw.col("k") == 1)
    counted = gp.GroupBy("s", n=nw.len())(table)
    report = gp.Pipeline("p", out=counted).run(engine).report
    facts = [(stage["rows_in"], stage["rows_out"], stage["columns_out"]) for stage in report["stages"]]
    kept = None if engine == "cpu" else 2  # inside a query nobody counts; engine dask counts along with its blocks
    assert facts == [(None, kept, 2), (kept, kept, 2), (kept, 2, 2)]  # the filter is asked of the source already
    assert report["status"] == "ok"
    assert report["memory"]["peak_bytes"] > 1_000_000
    assert all(stage["seconds"] >= 0 for stage in report["stages"])


def test_the_times_of_a_report_add_up_and_no_learner_is_inside_a_query(engine: str, tmp_path: Path) -> None:
    rows = gp.FromFrame(pl.DataFrame({"x": [float(n) for n in range(40)], "y": [n % 2 for n in range(40)]})).node()
    scaled = gp.Standardize(["x"]).fit(rows)(rows)
    model = gp.Learn(LogisticRegression(), features=["x"], target="y").fit(scaled)
    scored = model.predict_proba(scaled)
    outputs = {"auc": gp.Evaluate("roc_auc", target="y")(scored), "n": gp.Scalar(nw.len())(scored), "rows": scored}
    report = gp.Pipeline("p", outputs, model=model, out=gp.WriteParquet(tmp_path / "out.parquet")(scored)).run(engine).report
    stages, stretches = report["stages"], report["stretches"]
    assert bool(stretches) == (engine in {"cpu", "dask", "dask-cuda"})
    for number, stretch in enumerate(stretches):
        members = [stage for stage in stages if stage["stretch"] == number]
        assert [stage["id"] for stage in members] == stretch["stages"] and stretch["seconds"] > 0
        assert not any(stage["seconds"] for stage in members), "what a stage of a stretch took is in the stretch"
    alone = {stage["name"].partition("(")[0]: stage["seconds"] for stage in stages if stage["stretch"] is None}
    assert alone["Learn"] > 0 and alone["Evaluate"] > 0
    within = sum(stage["seconds"] for stage in stages) + sum(stretch["seconds"] for stretch in stretches)
    assert seconds_around(report) == pytest.approx(report["seconds"] - within) and within <= report["seconds"]
    console = Console(file=io.StringIO(), width=120)
    print_summary(report, console)
    told = console.file.getvalue()
    assert told.index("as one query") < told.index("Learn") if stretches else "Learn" in told
    assert ("around the stages" in told) == (seconds_around(report) >= 0.0005)
    assert ("Around the stages" in html_page(report)) == (seconds_around(report) >= 0.0005)


@pytest.mark.parametrize("how", ["as they are", "filtered"])
def test_categories_are_delivered_as_planned(how: str, engine: str) -> None:
    made = gp.FromFrame(FRAME).node() >> gp.WithColumns(c=nw.col("s").cast(nw.Categorical))
    out = made >> gp.Filter(nw.col("x") > 1) if how == "filtered" else made
    found = gp.Pipeline("p", out=out).run(engine)["out"]
    assert found.schema["c"] == nw.Categorical
    wanted = ["b", None] if how == "filtered" else ["a", "b", None, "a"]
    assert sorted(map(str, found["c"].cast(nw.String).to_arrow().to_pylist())) == sorted(map(str, wanted))


def test_profile_times_every_stage_by_itself() -> None:
    table = gp.FromFrame(FRAME).node() >> gp.Filter(nw.col("k") == 1) >> gp.WithColumns(y=nw.col("x") * 2)
    fused = gp.Pipeline("p", out=table).run("cpu").report
    alone = gp.Pipeline("p", out=table).run("cpu", profile=True).report
    assert fused["stretches"] and fused["stages"][1]["stretch"] == 0
    assert not alone["stretches"]
    assert [stage["rows_out"] for stage in alone["stages"]] == [2, 2, 2], "the filter is asked of the source already"


def test_the_failing_stage_of_a_fused_query_is_named(engine: str) -> None:
    table = gp.FromFrame(FRAME).node() >> gp.WithColumns(y=nw.col("x") + 1)
    bad = table >> gp.Cast({"s": nw.Int64})
    fine = bad >> gp.WithColumns(z=nw.col("y") + 1)
    with pytest.raises(StageError) as caught:
        gp.Pipeline("p", out=fine).run(engine)
    (text,) = [note for note in caught.value.__notes__ if note.startswith("In stage")]
    assert text.startswith(f"In stage Cast on engine {engine!r}, wired at ")
    assert "test_run.py" in text
    assert caught.value.report["status"] == "failed"
    assert caught.value.report["error"]["type"] == "StageError"


def test_a_users_own_error_keeps_its_words(engine: str) -> None:
    @gp.rows
    def careful(frame: nw.LazyFrame) -> nw.LazyFrame:
        if frame.implementation.is_pandas_like():
            raise ValueError("not on a Tuesday")
        return frame

    table = careful(gp.FromFrame(FRAME).node())
    if engine in ("cpu", "dask"):  # whose frames are Polars', as in the plan
        assert len(gp.Pipeline("p", out=table).run(engine)["out"]) == 4
        return
    with pytest.raises(StageError, match="not on a Tuesday") as caught:
        gp.Pipeline("p", out=table).run(engine)
    assert "In stage careful" in caught.value.__notes__[0]
    if engine in {"dask", "dask-cuda"}:
        assert caught.value.__notes__[1].endswith('in careful: raise ValueError("not on a Tuesday")'), "the user's own line"
    else:
        assert isinstance(caught.value.__cause__, ValueError)


def test_a_run_that_fails_leaves_every_output_as_it_was(engine: str, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    table = gp.FromFrame(FRAME).node()
    gp.Pipeline("p", out=gp.WriteParquet(str(target))(table)).run(engine)
    before = target.read_bytes()
    scaled = gp.Standardize("x").fit(table)(table)
    failing = scaled >> gp.Cast({"s": nw.Int64})
    with pytest.raises(StageError):
        gp.Pipeline("p", out=gp.WriteParquet(str(target))(table >> gp.Drop("k")), n=gp.Scalar(nw.col("s").sum())(failing)).run(engine)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_an_unwritable_output_is_found_before_any_work(engine: str, tmp_path: Path) -> None:
    source = Counting()
    (tmp_path / "file").write_text("in the way")
    sink = gp.WriteParquet(str(tmp_path / "file" / "out.parquet"))
    with pytest.raises(SinkError):
        gp.Pipeline("p", out=sink(source.node())).run(engine)
    assert not source.readings


def test_the_inputs_are_never_changed(engine: str) -> None:
    frame = FRAME.to_pandas()
    before = frame.copy(deep=True)
    table = gp.FromFrame(frame).node() >> gp.WithColumns(x=nw.col("x") * 2) >> gp.FillNull(0.0, ["x"])
    gp.Pipeline("p", out=table).run(engine)
    assert frame.equals(before)


@pytest.mark.parametrize("name", ["cpu", "pandas"])
def test_ctrl_c_leaves_no_half_written_output(name: str, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    target = tmp_path / "out" / "slow.parquet"
    target.parent.mkdir()
    target.write_bytes(b"the old output")
    script.write_text(
        textwrap.dedent(f"""
        import time, narwhals.stable.v2 as nw, polars as pl, gpupipe as gp

        @gp.whole_table
        def slow(frame):
            if frame.implementation.is_pandas():
                print("running", flush=True)
                time.sleep(600)
                return frame
            def wait(rows):
                if len(rows):
                    print("running", flush=True)
                    time.sleep(0.5)
                return rows
            return nw.from_native(frame.to_native().with_columns(pl.col("x").map_batches(wait, return_dtype=pl.Int64, is_elementwise=True)))

        table = slow(gp.FromFrame(pl.DataFrame({{"x": range(20_000_000)}})).node())
        try:
            gp.Pipeline("slow", out=gp.WriteParquet({str(target)!r})(table)).run({name!r})
        except KeyboardInterrupt as stop:
            print("stopped", stop.report["status"], flush=True)
        """)
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(gp.__file__).parents[1]), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()  # two threads may write theirs into one line
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=300)
    assert said.startswith("running")
    assert "stopped interrupted" in out
    assert [path.name for path in target.parent.iterdir()] == ["slow.parquet"]
    assert target.read_bytes() == b"the old output"
    assert not list(tmp_path.glob("gpupipe-*"))

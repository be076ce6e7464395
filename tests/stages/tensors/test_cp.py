"""CP as a stage, against TensorLy, NumPy and the published factors of the amino acids."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
import tensorly as tl
from tensorly.decomposition import parafac

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, PlanError, StageError, UsageError, WiringError
from gpupipe.engines.load import load_engine
from gpupipe.kinds.tensor import TensorData
from gpupipe.report import html_page
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour"]
RNG = np.random.default_rng(0)
FACTORS = [RNG.normal(size=(size, 2)) for size in (6, 7, 5)]
ARRAY = tl.cp_to_tensor((np.array([3.0, 1.0]), FACTORS)) + 0.05 * RNG.normal(size=(6, 7, 5))
Rows = Callable[..., pl.DataFrame]


def tensor_of(table: Any, **options: Any) -> Any:
    return gp.ToTensor(DIMS, "x", **options)(table)


def fitted_to(array: Any, long_table: Rows, **options: Any) -> Any:
    """Return what is fitted to an array, without a pipeline."""
    return gp.CP(2, **options).apply(gp.ToTensor(DIMS, "x").apply(long_table(array)))


def run(engine: str = "cpu", **outputs: Any) -> Any:
    return gp.Pipeline("asked", outputs).run(engine)


def matrix(frame: Any, by: str) -> Any:
    """Return the components of a table as an array, in the order of the labels."""
    return pl.from_arrow(frame.to_arrow()).sort(by).select(pl.col("^component_.*$")).to_numpy()


def test_law_and_tensorly(engine: str, long_table: Rows) -> None:
    made = check_task(lambda table: gp.CP(2).fit(tensor_of(table)), long_table(ARRAY), engines=("cpu", engine))
    theirs = parafac(tl.tensor(ARRAY), 2, init="svd", n_iter_max=1000, tol=1e-12)
    np.testing.assert_allclose(made.errors[-1], np.linalg.norm(ARRAY - tl.cp_to_tensor(theirs)) / np.linalg.norm(ARRAY), rtol=1e-6)
    np.testing.assert_allclose(made.block([np.arange(size) for size in ARRAY.shape]), tl.cp_to_tensor(theirs), atol=1e-3)


def test_every_answer_is_that_of_arrays(engine: str, long_table: Rows) -> None:
    table = gp.FromFrame(long_table(ARRAY)).node()
    tensor = tensor_of(table)
    cp = gp.CP(2).fit(tensor)
    outputs = {f"factors_{dim}": cp.factors(dim=dim) for dim in DIMS}
    outputs |= {"weights": cp.weights(), "whole": cp.reconstruct(), "left": cp.residual(tensor), "far": cp.score(tensor, top=4), "cp": cp}
    made = run(engine, **outputs, long=cp.factors(dim="hour", long=True), again=cp.project(tensor, dim="day"))
    factors = [matrix(made[f"factors_{dim}"], dim) for dim in DIMS]
    whole = tl.cp_to_tensor((np.array(made["weights"]["weight"].to_list()), factors))
    np.testing.assert_allclose(made["whole"].values, whole, atol=1e-12)
    np.testing.assert_allclose(made["left"].values, ARRAY - whole, atol=1e-12)
    assert made["factors_day"].sort("day")["day"].to_list() == sorted(set(long_table(ARRAY)["day"]))
    far = made["far"].sort("rank")
    wanted = np.argsort(-np.abs(ARRAY - whole).ravel(), kind="stable")[:4]
    np.testing.assert_allclose(far["x"].to_list(), ARRAY.ravel()[wanted])
    np.testing.assert_allclose(far["residual"].to_list(), (ARRAY - whole).ravel()[wanted], atol=1e-12)
    assert far["sensor"].to_list() == [f"s{place:03d}" for place in np.unravel_index(wanted, ARRAY.shape)[0]]
    assert far["rank"].to_list() == [1, 2, 3, 4]
    long = np.array(made["long"].sort("hour", "component")["factor"].to_list()).reshape(5, 2)
    np.testing.assert_array_equal(long, factors[2])
    np.testing.assert_allclose(
        matrix(made["again"], "day"), factors[1], atol=1e-4
    )  # the last sweep brought the other dimensions to their best after this one


@pytest.mark.parametrize("answer", ["factors", "project", "score", "impute", "residual"])
def test_answers_keep_the_law(answer: str, engine: str, long_table: Rows) -> None:
    gaps = np.where(np.random.default_rng(1).uniform(size=ARRAY.shape) < 0.2, np.nan, ARRAY)

    def build(table: Any) -> Any:
        tensor = tensor_of(table)
        cp = gp.CP(2, n_iter_max=30).fit(tensor)
        asked = {"factors": lambda: cp.factors(dim="sensor"), "project": lambda: cp.project(tensor, dim="sensor")}
        return asked[answer]() if answer in asked else getattr(cp, answer)(tensor)

    check_task(build, long_table(gaps), engines=("cpu", engine), rtol=1e-9)


def test_missing_cells_are_found_again(engine: str, long_table: Rows) -> None:
    exact = tl.cp_to_tensor((np.array([3.0, 1.0]), FACTORS))
    hidden = np.random.default_rng(2).uniform(size=exact.shape) < 0.3
    tensor = tensor_of(gp.FromFrame(long_table(np.where(hidden, np.nan, exact))).node())
    cp = gp.CP(2, tol=1e-12, n_iter_max=5000).fit(tensor)
    made = run(engine, full=cp.impute(tensor), left=cp.residual(tensor), rows=gp.FromTensor()(cp.impute(tensor)))
    np.testing.assert_allclose(made["full"].values, exact, atol=1e-4)
    assert made["full"].mask is None
    assert len(made["rows"]) == exact.size
    np.testing.assert_array_equal(made["left"].mask, ~hidden)
    assert np.isnan(made["left"].values[hidden]).all()
    assert made.report["stages"][2]["facts"]["sweeps"] > 1


def test_sparse_tensors_are_fitted_and_scored(engine: str, long_table: Rows) -> None:
    few = np.where(np.abs(ARRAY) > np.quantile(np.abs(ARRAY), 0.4), ARRAY, 0)
    rows = long_table(np.where(few == 0, np.nan, few))
    made = check_task(lambda table: gp.CP(2).fit(tensor_of(table, sparse=True)), rows, engines=("cpu", engine), rtol=1e-9)
    theirs = [parafac(tl.tensor(few), 2, init="random", random_state=seed, n_iter_max=2000, tol=1e-12) for seed in range(6)]
    best = min(np.linalg.norm(few - tl.cp_to_tensor(one)) for one in theirs) / np.linalg.norm(few)
    assert made.errors[-1] == pytest.approx(best, rel=1e-4)
    tensor = tensor_of(gp.FromFrame(rows).node(), sparse=True)
    far = run(engine, far=gp.CP(2).fit(tensor).score(tensor, top=None))["far"]
    assert len(far) == int((few != 0).sum())
    whole = made.block([np.arange(size) for size in few.shape])
    np.testing.assert_allclose(np.sort(np.abs(far["residual"].to_list())), np.sort(np.abs(few - whole)[few != 0]), rtol=1e-6)


def test_new_slices_and_some_of_the_labels(long_table: Rows) -> None:
    """What is projected is least squares on the other factors, whichever of their labels there are; other labels are told."""
    fitted = fitted_to(ARRAY, long_table)
    part = gp.ToTensor(DIMS, "x").apply(long_table(ARRAY).filter(pl.col("hour") > 1))
    found = matrix(fitted.project("sensor").apply(part), "sensor")
    basis = np.einsum("r,jr,kr->jkr", fitted.weight_array, fitted.factor_arrays[1], fitted.factor_arrays[2][2:]).reshape(-1, 2)
    np.testing.assert_allclose(found, np.linalg.lstsq(basis, ARRAY[:, :, 2:].reshape(6, -1).T)[0].T, rtol=1e-8)
    np.testing.assert_allclose(fitted.residual().apply(part).values, ARRAY[:, :, 2:] - fitted.reconstruct().apply().values[:, :, 2:])
    other = gp.ToTensor(DIMS, "x").apply(long_table(ARRAY).with_columns(pl.col("hour") + 2))
    with pytest.raises(StageError, match=r"residual expects labels that the fit has seen, got 2 others along 'hour', 5 for one"):
        fitted.residual().apply(other)
    assert fitted.project("hour").apply(other)["hour"].to_list() == [2, 3, 4, 5, 6]


def test_float32_stays(long_table: Rows, engine: str) -> None:
    rows = long_table(ARRAY).cast({"x": pl.Float32})
    made = check_task(lambda table: gp.CP(2, n_iter_max=20).fit(tensor_of(table)), rows, engines=("cpu", engine), rtol=1e-5)
    assert made.dtype == np.float32
    assert made.reconstruct().apply().values.dtype == np.float32


def test_edge_cases(long_table: Rows) -> None:
    zero = fitted_to(np.zeros((2, 3, 2)), long_table)
    assert zero.errors.tolist() == [0.0]
    assert not zero.reconstruct().apply().values.any()
    assert fitted_to(ARRAY[:, :1], long_table).shape == (6, 1, 5)
    six = np.random.default_rng(0).normal(size=(2, 3, 2, 2, 3, 2))
    cells = pl.DataFrame({**{name: at.ravel() for name, at in zip("abcdef", np.indices(six.shape), strict=True)}, "x": six.ravel()})
    tensor = gp.ToTensor([*"abcdef"], "x").apply(cells)
    assert gp.CP(np.int64(2)).apply(tensor).reconstruct().apply().shape == six.shape
    assert len(gp.CP(1).apply(tensor).score(top=None).apply(tensor)) == six.size
    wide = gp.CP(9, n_iter_max=20).apply(gp.ToTensor(DIMS, "x").apply(long_table(ARRAY)))
    assert wide.factors("hour").apply().shape == (5, 10)
    flat = gp.ToTensor(["sensor", "day"], "x").apply(long_table(ARRAY[:, :, 0]))
    values = np.linalg.svd(ARRAY[:, :, 0], compute_uv=False)
    assert gp.CP(2).apply(flat).errors[-1] == pytest.approx(np.sqrt((values[2:] ** 2).sum() / (values**2).sum()), rel=1e-6)
    share = gp.CP(0.1).apply(gp.ToTensor(DIMS, "x").apply(long_table(ARRAY)))
    assert share.factor_arrays[0].shape == (6, round(0.1 * 210 / 18))


def test_what_is_refused_before_a_row_is_read(long_table: Rows) -> None:
    table = gp.FromFrame(long_table(ARRAY)).node()
    cp = gp.CP(2).fit(tensor_of(table))
    for node, error, match in [
        (gp.CP(2).fit(gp.ToTensor(["day"], "x", duplicates="sum")(table)), PlanError, "two dimensions or more, got 1: 'day'"),
        (cp.factors(dim="days"), ColumnError, r"there is no dimension 'days'\. Did you mean 'day'\?"),
        (gp.CP(0.1).fit(tensor_of(table)).factors(dim="day"), PlanError, r"Ask for factors\(dim=\.\.\., long=True\)"),
        (cp.residual(gp.ToTensor(["day", "sensor"], "x")(table)), PlanError, r"the dimensions of the fit, 'sensor \(String\)'"),
        (cp.impute(tensor_of(table, sparse=True)), PlanError, "impute takes a dense tensor, got a sparse one"),
        (cp.score(tensor_of(table), top=0), PlanError, "top to be at least 1"),
    ]:
        with pytest.raises(error, match=match):
            gp.Pipeline("refused", made=node).check()
    for options, match in [
        ({"rank": 0}, "CP's rank must be at least 1, got 0"),
        ({"rank": 2, "n_iter_max": 0}, "n_iter_max of at least 1, got 0"),
        ({"rank": 2, "init": "best"}, "init to be one of svd, random, got 'best'"),
        ({"rank": 2, "n_start": 3}, r"CP has no option 'n_start'\. Did you mean 'n_starts'\?"),
    ]:
        with pytest.raises(UsageError, match=match):
            gp.CP(**options)
    with pytest.raises(WiringError, match="CP takes tensors of a pipeline, got Table"):
        gp.CP(2).fit(table)


def test_what_is_refused_with_its_place(long_table: Rows, engine: str) -> None:
    rows = long_table(ARRAY)
    wrong = rows.with_columns(x=pl.when(pl.col("hour") == 3, pl.col("sensor") == "s002").then(float("inf")).otherwise("x"))
    with pytest.raises(
        StageError, match=r"CP expects finite numbers, got 7 that are NaN or infinite, at sensor='s002', day=.*, hour=3 for"
    ):
        run(engine, cp=gp.CP(2).fit(tensor_of(gp.FromFrame(wrong).node())))
    with pytest.raises(StageError, match="CP expects labels along every dimension, got none along 'sensor', 'day', 'hour'"):
        run(engine, cp=gp.CP(2).fit(tensor_of(gp.FromFrame(rows.head(0)).node())))


def test_what_was_loaded_answers_for_frames_of_any_library(long_table: Rows, tmp_path: Path) -> None:
    rows = long_table(ARRAY).cast({"day": pl.String})  # pandas has no dates
    fitted = gp.load(gp.save(gp.CP(2).apply(gp.ToTensor(DIMS, "x").apply(rows)), tmp_path / "cp"))
    tensor = gp.ToTensor(DIMS, "x").apply(rows.to_pandas())
    far = fitted.score(top=2).apply(tensor)
    left = np.abs(fitted.residual().apply(tensor).values).ravel()
    np.testing.assert_allclose(np.abs(far["residual"].to_numpy()), np.sort(left)[:-3:-1], rtol=1e-12)


def test_a_fit_needs_little_beside_its_tensor() -> None:
    """At the peak, the tensor included, at most a fifth more than the tensor."""
    values = np.random.default_rng(0).normal(size=(150, 120, 100))
    labels = tuple(
        nw.from_native(pl.DataFrame({name: range(size)}), eager_only=True) for name, size in zip(DIMS, values.shape, strict=True)
    )
    tensor = TensorData(values, None, None, labels, "x")
    tracemalloc.start()
    gp.CP(5, n_iter_max=5).apply(tensor)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 0.2 * values.nbytes


def test_saved_parts_that_do_not_fit_are_refused(long_table: Rows, tmp_path: Path) -> None:
    fitted = fitted_to(ARRAY, long_table)
    for broken in (
        gp.stages.tensors.cp.FittedCP(fitted.labels, "x", fitted.errors, fitted.weight_array, fitted.factor_arrays[:2]),
        gp.stages.tensors.cp.FittedCP(fitted.labels, "x", fitted.errors, fitted.weight_array[:1], fitted.factor_arrays),
        gp.stages.tensors.cp.FittedCP(fitted.labels, "x", fitted.errors, fitted.weight_array * np.nan, fitted.factor_arrays),
    ):
        with pytest.raises(ArtefactError, match="CP decomposition"):
            gp.load(gp.save(broken, tmp_path / "saved"))


def test_amino_acids_are_the_known_concentrations(shared_data: Path, engine: str) -> None:
    """Bro's data: three components, error .025049, whose samples are the concentrations of tryptophan, tyrosine, phenylalanine."""
    held = np.load(shared_data / "tensors" / "amino_acid_fluorescence.npz")
    places = np.indices(held["X"].shape)
    names = ["sample", "emission", "excitation"]
    rows = pl.DataFrame({**{name: at.ravel() for name, at in zip(names, places, strict=True)}, "x": held["X"].ravel().astype(float)})
    cp = gp.CP(3).fit(gp.ToTensor(names, "x")(gp.FromFrame(rows).node()))
    made = run(engine, cp=cp, samples=cp.factors(dim="sample"))
    assert made["cp"].errors[-1] == pytest.approx(0.025049, abs=1e-6)
    likeness = np.abs(np.corrcoef(matrix(made["samples"], "sample").T, held["Y"].T)[:3, 3:])
    assert (likeness.max(0) > 0.998).all()
    assert len(set(likeness.argmax(0))) == 3


def test_report_shows_factors_and_the_error(long_table: Rows, engine: str, tmp_path: Path) -> None:
    cp = gp.CP(2).fit(tensor_of(gp.FromFrame(long_table(ARRAY)).node()))
    result = run(engine, cp=cp)
    (card,) = result.report["cards"]
    assert card["title"] == "CP decomposition of x"
    kinds = [(part["kind"], part["title"]) for part in card["parts"]]
    assert kinds == [
        ("bars", "sensor: component 1"),
        ("bars", "sensor: component 2"),
        ("lines", "day: components 1 to 2"),
        ("lines", "hour: components 1 to 2"),
        ("lines", "Relative error after each sweep"),
    ]
    assert card["parts"][2]["x"] == "day (days from 2020-01-01)"
    assert result.report["stages"][2]["facts"]["components"] == 2


def test_a_factor_on_a_map(engine: str, long_table: Rows) -> None:
    """The factor beside coordinates of the labels, drawn with a disc for each; labels without coordinates are told."""
    stations = pl.DataFrame({"sensor": [f"s{place:03d}" for place in range(7)][::-1], "lon": np.arange(7.0), "lat": np.arange(7.0) ** 2})
    table, places = (gp.FromFrame(frame).node() for frame in (long_table(ARRAY), stations))
    cp = gp.CP(2).fit(tensor_of(table))
    result = run(engine, made=cp.factor_map(places, dim="sensor", x="lon", y="lat"), plain=cp.factors(dim="sensor"))
    made, plain = (pl.from_arrow(result[name].to_arrow()) for name in ("made", "plain"))
    assert made.equals(plain.join(stations, on="sensor", maintain_order="left").select(made.columns))
    (card,) = [card for card in result.report["cards"] if card["title"] == "Map of sensor"]
    assert [part["kind"] for part in card["parts"]] == ["discs", "discs"]
    shown = [disc["value"] for disc in card["parts"][0]["discs"]]
    np.testing.assert_allclose(shown, made["component_1"] / made["component_1"].abs().max(), atol=1e-4)
    assert html_page(result.report).count("<circle") >= 12
    fewer = gp.FromFrame(stations.filter(pl.col("sensor") != "s002")).node()
    with pytest.raises(StageError, match="expects coordinates for each label of 'sensor', once, got none for 1 labels"):
        run(engine, made=cp.factor_map(fewer, dim="sensor", x="lon", y="lat"))
    with pytest.raises(ColumnError, match="'lng'"):
        gp.Pipeline("map", made=cp.factor_map(places, dim="sensor", x="lng", y="lat")).plan()


@pytest.mark.parametrize("stage", [gp.CP(2), gp.NonNegativeCP(2), gp.Tucker((2, 2, 2)), gp.NonNegativeTucker((2, 2, 2))])
def test_sweeps_are_told_while_they_run(stage: Any, long_table: Rows) -> None:
    tensor = gp.ToTensor(DIMS, "x").apply(long_table(np.abs(ARRAY)))
    engine, heard = load_engine("cpu"), []
    try:
        found = engine.solve(stage, [tensor], lambda number, total, facts: heard.append((number, total, facts["relative error"])))
    finally:
        engine.close()
    assert len(heard) > 1 and all(number <= total for number, total, _ in heard)
    assert heard[-1][2] >= float(found.errors[-1]) - 1e-9

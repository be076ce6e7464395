"""CP regression as a stage, against TensorLy and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tensorly.regression import CPRegressor

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, PlanError, StageError, UsageError
from gpupipe.testing.tasks import check_task

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4, 3))
W = np.outer([1.0, 0.0, -2.0, 1.0], [1.0, 2.0, 0.0])
Y = np.einsum("nij,ij->n", X, W) + 3 + 0.01 * RNG.normal(size=80)
NAMES = [f"p{number:02d}" for number in range(80)]
CELLS = pl.DataFrame(
    {"person": np.repeat(NAMES, 12), "gene": np.tile(np.repeat([1, 2, 3, 4], 3), 80), "cell": ["u", "v", "w"] * 320, "x": X.ravel()}
)
TARGETS = pl.DataFrame({"person": NAMES, "y": Y})


def build(cells: Any, targets: Any, **options: Any) -> Any:
    tensor = gp.ToTensor(["gene", "person", "cell"], "x")(cells)
    return tensor, gp.CPRegression(1, samples="person", target="y", **options).fit(tensor, targets)


def test_law_and_tensorly(engine: str) -> None:
    made = check_task(
        lambda cells, targets: build(cells, targets, reg_W=1e-8, tol=1e-10)[1], CELLS, TARGETS, engines=("cpu", engine), rtol=1e-9
    )
    theirs = CPRegressor(1, tol=1e-12, reg_W=1e-8, n_iter_max=500, verbose=0).fit(X - X.mean(0), Y - Y.mean())
    np.testing.assert_allclose(made.weight_array, theirs.weight_tensor_, atol=1e-4)
    np.testing.assert_allclose(made.weight_array, W, atol=0.05)
    assert made.intercept == pytest.approx(3, abs=0.05)


def test_predictions_are_joined_by_label(engine: str) -> None:
    """Samples without a target are predicted all the same, from weights that answers give as a tensor."""

    def predicted(cells: Any, targets: Any) -> Any:
        tensor, fitted = build(cells, targets)
        return fitted.predict(tensor)

    known = TARGETS.with_columns(y=pl.when(pl.col("person") < "p60").then("y"))
    made = check_task(predicted, CELLS, known, engines=("cpu", engine), rtol=1e-9)
    table = pl.from_arrow(made.to_arrow()).join(TARGETS, on="person")
    assert len(table) == 80
    assert np.corrcoef(table["prediction"], table["y"])[0, 1] > 0.999
    fitted = build(gp.FromFrame(CELLS).node(), gp.FromFrame(known).node())[1]
    result = gp.Pipeline("weights", made=fitted.weights(), fitted=fitted).run(engine)
    assert result["made"].dims == ("gene", "cell")
    whole = np.einsum("nij,ij->n", X, result["made"].values) + result["fitted"].intercept
    np.testing.assert_allclose(table.sort("person")["prediction"], whole, rtol=1e-9)
    facts = next(stage["facts"] for stage in result.report["stages"] if stage["name"] == "CPRegression")
    assert (facts["samples"], facts["without_target"]) == (60, 20)


def test_what_is_refused() -> None:
    cells, targets = gp.FromFrame(CELLS).node(), gp.FromFrame(TARGETS).node()
    tensor, fitted = build(cells, targets)
    whole = gp.CPRegression(1, samples="person", target="y")
    flat = gp.ToTensor(["person", "gene"], "x", duplicates="sum")(cells)
    for node, error, match in [
        (
            gp.CPRegression(1, samples="persons", target="y").fit(tensor, targets),
            ColumnError,
            r"no dimension 'persons'\. Did you mean 'person'",
        ),
        (gp.CPRegression(1, samples="person", target="z").fit(tensor, targets), ColumnError, "'z'"),
        (whole.fit(flat, targets), PlanError, "the samples and two dimensions or more, got one of 2"),
        (
            whole.fit(tensor, gp.FromFrame(TARGETS.with_columns(person=pl.int_range(80))).node()),
            DtypeError,
            "String in the tensor and Int64",
        ),
        (fitted.predict(flat), PlanError, "with the dimensions of the fit|of the fit's dimensions"),
    ]:
        with pytest.raises(error, match=match):
            gp.Pipeline("refused", made=node).check()
    for rows, match in [
        (pl.concat([TARGETS, TARGETS[:2]]), "got 2 more rows of a label in 'person'"),
        (TARGETS.with_columns(person=pl.lit("x") + pl.col("person")), "got 80 rows of other labels"),
        (TARGETS.with_columns(y=pl.lit(None, pl.Float64)), "got no row in 'person'"),
    ]:
        with pytest.raises(StageError, match=match):
            gp.Pipeline("refused", made=build(cells, gp.FromFrame(rows).node())[1]).run("cpu")
    fewer = gp.ToTensor(["gene", "person", "cell"], "x")(gp.FromFrame(CELLS.filter(pl.col("cell") != "w")).node())
    with pytest.raises(StageError, match="expects the labels of the fit along 'cell', got 0 others, and 1 are not there"):
        gp.Pipeline("refused", made=fitted.predict(fewer)).run("cpu")
    with pytest.raises(UsageError, match="rank must be at least 1"):
        gp.CPRegression(0, samples="person", target="y")


def test_saved_weights_that_do_not_fit_are_refused() -> None:
    fitted = gp.Pipeline("saved", made=build(gp.FromFrame(CELLS).node(), gp.FromFrame(TARGETS).node())[1]).run("cpu")["made"]
    broken = type(fitted)(fitted.labels, "person", 1, "y", fitted.weight_array[:, :1], 0.0)
    with pytest.raises(ArtefactError, match=r"finite weights of the shape \(4, 3\)"):
        broken.check()

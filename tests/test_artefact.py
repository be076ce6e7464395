"""Saved stages: loaded in a fresh process they do the same, and damage is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from xgboost import XGBClassifier, XGBRegressor

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, UsageError
from gpupipe.core.stage import RowStage

CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame({"a": CHANCE.normal(size=200), "b": CHANCE.normal(size=200), "c": CHANCE.choice(["u", "v"], 200)}).with_columns(
    y=(pl.col("a") + 0.1 * pl.col("b") > 0).cast(pl.Int32), t=pl.col("a") * 2
)
MODELS: dict[str, tuple[Any, str | None]] = {
    "xgboost": (XGBClassifier(n_estimators=5, max_depth=3), "y"),
    "xgboost-regressor": (XGBRegressor(n_estimators=5), "t"),
    "logistic": (LogisticRegression(), "y"),
    "text-labels": (LogisticRegression(), "c"),
    "forest": (RandomForestClassifier(5, random_state=0), "y"),
    "ridge": (Ridge(), "t"),
    "pca": (PCA(1), None),
    "kmeans": (KMeans(2, n_init=1, random_state=0), None),
}


def in_a_fresh_process(folder: Path, frame: pl.DataFrame, method: str) -> pl.DataFrame:
    frame.write_parquet(folder.parent / "in.parquet")
    code = f"""
import gpupipe as gp, polars as pl
stage = gp.load({str(folder)!r}).using({method!r})
stage.apply(pl.read_parquet({str(folder.parent / "in.parquet")!r})).write_parquet({str(folder.parent / "out.parquet")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(gp.__file__).parents[1])
    return pl.read_parquet(folder.parent / "out.parquet")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_predicts_the_same_in_a_fresh_process(name: str, tmp_path: Path) -> None:
    estimator, target = MODELS[name]
    model = gp.Learn(estimator, features=["a", "b"], target=target).fit_plain(FRAME)
    folder = gp.save(model, tmp_path / "model")
    assert in_a_fresh_process(folder, FRAME, "apply").equals(model.apply(FRAME))
    if model.task == "classifier":
        assert in_a_fresh_process(folder, FRAME, "predict_proba").equals(model.using("predict_proba").apply(FRAME))


def test_a_chain_of_fitted_stages_is_saved_as_one(tmp_path: Path) -> None:
    codes = gp.EncodeCategory("c").fit_plain(FRAME)
    scaler = gp.Standardize(["a", "b"]).fit_plain(FRAME)
    model = gp.Learn(Ridge(), features=["a", "b", "c"], target="t").fit_plain(scaler.apply(codes.apply(FRAME)))
    chain = gp.Chain(codes, scaler, model)
    folder = gp.save(chain, tmp_path / "chain")
    assert in_a_fresh_process(folder, FRAME, "apply").equals(chain.apply(FRAME))


def test_nothing_is_pickled(tmp_path: Path) -> None:
    for name, (estimator, target) in MODELS.items():
        gp.save(gp.Learn(estimator, features=["a"], target=target).fit_plain(FRAME), tmp_path / name)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".json", ".ubj", ".skops"}


def saved(tmp_path: Path) -> Path:
    return gp.save(gp.Standardize("a").fit_plain(FRAME), tmp_path / "scaler")


def test_saving_again_replaces(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    again = gp.save(gp.Standardize("b").fit_plain(FRAME), folder)
    assert gp.load(again).columns == ("b",)
    assert [path.name for path in tmp_path.iterdir()] == ["scaler"]


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    with pytest.raises(ArtefactError, match="is no saved stage"):
        gp.save(gp.Standardize("a").fit_plain(FRAME), tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "keep me"


def test_a_missing_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"Expected a folder that gpupipe\.save wrote, with a stage\.json"):
        gp.load(tmp_path / "nowhere")


def test_damage_is_found(tmp_path: Path) -> None:
    folder = gp.save(gp.Learn(Ridge(), features=["a"], target="t").fit_plain(FRAME), tmp_path / "model")
    (file,) = folder.rglob("model.skops")
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ArtefactError, match="is damaged"):
        gp.load(folder)
    file.unlink()
    with pytest.raises(ArtefactError, match="is missing"):
        gp.load(folder)


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    facts = json.loads((folder / "stage.json").read_text())
    (folder / "stage.json").write_text(json.dumps(facts | {"format": 99}))
    with pytest.raises(ArtefactError, match="format 99"):
        gp.load(folder)


def test_json_that_names_something_else_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    facts = json.loads((folder / "stage.json").read_text())
    facts["stage"]["stage"] = "subprocess:Popen"
    (folder / "stage.json").write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match="Expected a row stage, got 'subprocess:Popen'"):
        gp.load(folder)


def test_an_estimator_of_unknown_types_is_refused(tmp_path: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer

    model = gp.Learn(FunctionTransformer(in_a_fresh_process_helper), features=["a"]).fit_plain(FRAME)
    folder = gp.save(model, tmp_path / "model")
    with pytest.raises(ArtefactError, match="types that are not trusted: '.*in_a_fresh_process_helper'"):
        gp.load(folder)


def in_a_fresh_process_helper(values: Any) -> Any:
    return values


def test_only_fitted_stages_are_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="save expects a fitted stage"):
        gp.save("model", tmp_path / "x")
    assert issubclass(type(gp.load(saved(tmp_path))), RowStage)


@pytest.mark.parametrize("name", [".env", "_keep.txt", "README.md", "0/mine.bin", "empty/", "link"])
def test_a_folder_with_anything_else_is_never_replaced(name: str, tmp_path: Path) -> None:
    stage = gp.Standardize("x").fit_plain(pl.DataFrame({"x": [1.0, 3.0]}))
    folder = gp.save(stage, tmp_path / "scaler")
    folder.chmod(0o700)
    gp.save(stage, folder)
    assert folder.stat().st_mode & 0o777 == 0o700, "replacing keeps the rights"
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if name == "link":
        path.symlink_to(tmp_path)
    else:
        path.mkdir() if name.endswith("/") else path.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArtefactError, match=f"is no saved stage, or not that alone: .* other files there: '{name.strip('/')}'"):
        gp.save(stage, folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_put_into_the_folder_meanwhile_is_not_replaced_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = gp.Standardize("x").fit_plain(pl.DataFrame({"x": [1.0, 3.0]}))
    folder = gp.save(stage, tmp_path / "scaler")

    def late() -> dict[str, str]:
        (folder / "mine").touch()
        return {}

    monkeypatch.setattr("gpupipe.artefact.versions", late)
    with pytest.raises(ArtefactError, match="other files there: 'mine'"):
        gp.save(stage, folder)
    assert (folder / "mine").exists() and [path.name for path in tmp_path.iterdir()] == ["scaler"]


def test_only_what_save_wrote_is_replaced(tmp_path: Path) -> None:
    stage = gp.Standardize("x").fit_plain(pl.DataFrame({"x": [1.0, 3.0]}))
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine").touch()
    for facts in ("{", "[]", '{"sha256": 3}', '{"sha256": {}}', "\udcff"):  # a file of this name tells nothing by itself
        (tmp_path / "one" / "stage.json").write_bytes(facts.encode(errors="surrogateescape"))
        with pytest.raises(ArtefactError, match="other files there: 'mine"):
            gp.save(stage, tmp_path / "one")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    for name in ("pipe", "link"):
        with pytest.raises(ArtefactError, match="got something else"):
            gp.save(stage, tmp_path / name)
    (tmp_path / "empty").mkdir()
    gp.save(stage, tmp_path / "empty")

"""Saved stages: loaded in a fresh process they do the same, and damage is found."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
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


# Folders from somebody who means harm.


def edited(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """Return the folder with its stage.json as an attacker wants it, the checksums right."""
    described = folder / "stage.json"
    facts = json.loads(described.read_text())
    facts["sha256"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path != described
    }
    facts = edit(facts) or facts
    described.write_text(facts if isinstance(facts, str) else json.dumps(facts))
    return folder


def put(*keys: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    """Return the edit that puts a value behind some keys."""

    def edit(facts: dict[str, Any]) -> None:
        inner = facts
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return edit


def test_no_module_is_run_because_a_file_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil_stage.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    for words in (
        "evil_stage:Stage",
        "pip.__main__:x",
        "subprocess:Popen",
        "gpupipe.stages.function:RowFunction",
        "gpupipe.cli:main",
        "",
        3,
    ):
        with pytest.raises(ArtefactError, match=r"none of gpupipe's own|not be|Expected"):
            gp.load(edited(saved(tmp_path), put("stage", "stage", value=words)))
    with pytest.raises(ArtefactError, match=r"none of gpupipe's own.*pass its class as trusted"):
        gp.load(edited(saved(tmp_path), put("stage", "stage", value="evil_stage:Stage")), trusted=["evil_stage", "evil_stage.Stag"])
    assert not (tmp_path / "ran").exists()
    assert not {name for name in set(sys.modules) - before if name.startswith(("evil_stage", "pip"))}


@dataclass(frozen=True)
class Doubled(RowStage):
    """A stage of somebody's own."""

    column: str
    dtype: Any

    def run(self, verbs: Any, *frames: Any) -> Any:
        return frames[0].with_columns(nw.col(self.column) * 2)


def test_a_stage_of_ones_own_is_loaded_where_it_is_trusted(tmp_path: Path) -> None:
    folder = gp.save(gp.Chain(Doubled("a", nw.Float64())), tmp_path / "own")
    with pytest.raises(ArtefactError, match="Doubled.*none of gpupipe's own"):
        gp.load(folder)
    for trusted in (Doubled, f"{Doubled.__module__}.Doubled"):
        assert gp.load(folder, trusted=[trusted]).apply(pl.DataFrame({"a": [2.0]}))["a"].to_list() == [4.0]


def test_a_dtype_that_its_name_does_not_tell_is_not_saved(tmp_path: Path) -> None:
    gp.save(Doubled("a", nw.Datetime("us")), tmp_path / "plain")
    for dtype in (nw.Datetime("ms"), nw.List(nw.Int8())):
        with pytest.raises(ArtefactError, match="cannot be saved without pickle"):
            gp.save(Doubled("a", dtype), tmp_path / "x")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"columns": ["a"], "means": [{"float": "0x0p+0"}]}, id="missing"),
        pytest.param({"columns": ["a"], "means": [], "deviations": [], "__class__": "x"}, id="extra"),
        pytest.param({"columns": "a", "means": [], "deviations": []}, id="text"),
        pytest.param({"columns": [["a"]], "means": [], "deviations": []}, id="nested"),
        pytest.param({"columns": [True], "means": [], "deviations": []}, id="truth"),
        pytest.param({"columns": [1.5], "means": [], "deviations": []}, id="number"),
        pytest.param({"columns": [{"float": "x"}], "means": [], "deviations": []}, id="no float"),
        pytest.param({"columns": [{"float": "0x1p999999"}], "means": [], "deviations": []}, id="huge float"),
        pytest.param({"columns": [{"dtype": "dtypes"}], "means": [], "deviations": []}, id="no dtype"),
        pytest.param({"columns": [{"dtype": "List"}], "means": [], "deviations": []}, id="dtype of something"),
        pytest.param({"columns": [{"float": "0x0p+0", "dtype": "Int8"}], "means": [], "deviations": []}, id="two kinds"),
        pytest.param({"columns": [{"table": "/etc/passwd"}], "means": [], "deviations": []}, id="absolute table"),
        pytest.param({"columns": [{"table": "stage.json"}], "means": [], "deviations": []}, id="json as table"),
        pytest.param(
            {"columns": [{"model": "../..", "facts": {"file": "model.skops", "class": "x"}}], "means": [], "deviations": []}, id="outside"
        ),
        pytest.param([], id="list"),
        pytest.param(None, id="nothing"),
    ],
)
def test_fields_are_the_stages_own(value: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError):
        gp.load(edited(saved(tmp_path), put("stage", "fields", value=value)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        '"x"',
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "NaN",
        '{"format": NaN}',
        '{"format": true}',
        '{"format": 1}',
        "1" * 5000,
        '{"format": 1, "stage": {}, "versions": {}, "sha256": {}}',
        '{"format": 1, "stage": 3, "versions": {}, "sha256": {}}',
        "\ud800",
        "\x00",
        '{"format": 1, "stage": ' + "[" * 900 + "]" * 900 + ', "versions": {}, "sha256": {}}',
        '{"format": 1' + "0" * 5000 + "}",
    ],
)
def test_malformed_json_is_told_as_such(text: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / "stage.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ArtefactError):
        gp.load(folder)


def test_every_file_is_listed_and_no_other_is_there(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    folder = gp.save(gp.Learn(Ridge(), features=["a"], target="t").fit_plain(FRAME), tmp_path / "model")
    for listed in ({}, {"0/model.skops": ""}, {"0/model.skops": None}, [], None, {"0/model.skops": {}}, {"../outside": "0" * 64}):
        with pytest.raises(ArtefactError, match=r"did not write there|does not list the checksums|is missing"):
            gp.load(edited(folder, put("sha256", value=listed)))
    edited(folder, lambda facts: None)
    assert gp.load(folder).estimator == "Ridge"
    (folder / "0" / "more.txt").write_text("more")
    with pytest.raises(ArtefactError, match=r"files that gpupipe\.save did not write there: '0/more\.txt'"):
        gp.load(folder)


@pytest.mark.parametrize("how", ["link", "link to a folder", "stage", "pipe", "deep"])
def test_no_path_leads_out_of_the_folder(how: str, tmp_path: Path) -> None:
    folder = gp.save(gp.Learn(Ridge(), features=["a"], target="t").fit_plain(FRAME), tmp_path / "model")
    if how == "link":
        (folder / "0" / "model.skops").rename(tmp_path / "model.skops")
        (folder / "0" / "model.skops").symlink_to(tmp_path / "model.skops")
    elif how == "link to a folder":
        (folder / "0").rename(tmp_path / "0")
        (folder / "0").symlink_to(tmp_path / "0")
    elif how == "stage":
        (folder / "stage.json").rename(tmp_path / "stage.json")
        (folder / "stage.json").symlink_to(tmp_path / "stage.json")
    elif how == "pipe":
        os.mkfifo(folder / "0" / "pipe")
    else:
        (folder / "1" / "2" / "3").mkdir(parents=True)
    with pytest.raises(ArtefactError, match="is no file: a saved stage has no links, pipes or devices"):
        gp.load(folder)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(saved(tmp_path))
    assert gp.load(tmp_path / "latest").columns == ("a",)


def test_the_fields_of_each_of_gpupipes_own_stages_have_types(tmp_path: Path) -> None:
    from gpupipe.saved import _hints, _own_modules

    kinds = {kind for name in _own_modules() for kind in vars(importlib.import_module(name)).values() if isinstance(kind, type)}
    stages = [kind for kind in kinds if issubclass(kind, RowStage) and kind.__module__ in _own_modules()]
    assert {"Standardized", "EncodedCategory", "Learned", "Chain"} <= {kind.__name__ for kind in stages}
    untyped = [kind.__name__ for kind in stages if set(_hints(kind).values()) == {Any}]
    assert not untyped

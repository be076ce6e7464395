"""Networks trained on tensors, against scikit-learn's scores of the same predictions."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import ArtefactError, PlanError, StageError, UsageError  # noqa: E402
from gpupipe.deep import Training  # noqa: E402
from gpupipe.testing.tasks import check_task  # noqa: E402

N = 240
DIGITS = load_digits()
PIXELS = DIGITS.images[:N] / 16
CELLS = pl.DataFrame(
    {
        "image": np.repeat(np.arange(N), 64),
        "row": np.tile(np.repeat(np.arange(8), 8), N),
        "column": np.tile(np.arange(8), 8 * N),
        "ink": PIXELS.ravel(),
    }
)
KINDS = pl.DataFrame({"image": np.arange(N), "digit": [f"d{digit}" for digit in DIGITS.target[:N]]})
TRAINING = Training(4, 16, 0.01, device="cpu")


class Cnn(nn.Module):
    """A small network of images."""

    def __init__(self, channels: int, sizes: tuple[int, ...] = (10,)) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(16 * channels, sizes[0])

    def forward(self, images: Any) -> Any:
        return self.head(self.features(images).flatten(1))


class Flat(nn.Module):
    """A number for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Linear(64, 1)

    def forward(self, images: Any) -> Any:
        return self.weights(images.flatten(1))


def shaken(images: Any) -> Any:
    return images + 0.01 * torch.randn_like(images)


def broken(kind: str) -> Any:
    if kind == "shape":
        return nn.Linear(3, 10)
    return kind


def build(cells: Any, kinds: Any, **options: Any) -> tuple[Any, Any]:
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0)(cells)
    settings = {"samples": "image", "target": "digit", "shape": (1, 8, 8), "training": TRAINING, **options}
    return tensor, gp.LearnDeep(Cnn, {"channels": 4}, **settings).fit(tensor, kinds)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run with all answers, and the folder of a saved network."""
    cells, kinds = gp.FromFrame(CELLS).node(), gp.FromFrame(KINDS.filter(pl.col("image") < 200)).node()
    tensor, fitted = build(cells, kinds)
    outputs = {
        "fitted": fitted,
        "predicted": fitted.predict(tensor),
        "top": fitted.top(tensor, k=3),
        "scores": fitted.scores(tensor, gp.FromFrame(KINDS).node(), target="digit", top=(1, 3)),
        "confusion": fitted.confusion(tensor, gp.FromFrame(KINDS).node(), target="digit"),
    }
    folder = tmp_path_factory.mktemp("run")
    result = gp.Pipeline("digits", outputs).run("cpu", checkpoints=folder / "kept")
    gp.save(result["fitted"], folder / "saved")
    return result, folder, outputs


def frame(held: Any) -> pl.DataFrame:
    made = pl.from_arrow(held.to_arrow())
    assert isinstance(made, pl.DataFrame)
    return made


def test_law(engine: str) -> None:
    """This process has two threads, and a worker one: the training says how many it takes."""
    torch.set_num_threads(2)
    made = check_task(
        lambda cells, kinds: build(cells, kinds, training=Training(2, 64, 0.01, threads=1, device="cpu"))[1].predict(
            gp.ToTensor(["image", "row", "column"], "ink", fill=0)(cells)
        ),
        CELLS, KINDS, engines=("cpu", engine), rtol=1e-5,
    )  # fmt: skip
    assert len(made) == N


def test_scores_are_scikit_learns(run: Any) -> None:
    result, _, _ = run
    top = frame(result["top"])
    assert top["rank"].to_list()[:4] == [1, 2, 3, 1]
    wide = np.zeros((N, 10))
    names = sorted(KINDS["digit"].unique())
    wide[top["image"], [names.index(name) for name in top["prediction"]]] = top["probability"]
    actual = [names.index(name) for name in KINDS["digit"]]
    scores = dict(frame(result["scores"]).rows())
    assert scores["accuracy"] == pytest.approx(top_k_accuracy_score(actual, wide, k=1)) and scores["accuracy"] > 0.8
    assert scores["top-3 accuracy"] > scores["accuracy"]
    assert scores["top-3 accuracy"] == pytest.approx(top_k_accuracy_score(actual, wide, k=3))
    predicted = frame(result["predicted"])
    assert predicted["prediction"].to_list() == top.filter(pl.col("rank") == 1)["prediction"].to_list()
    found = np.zeros((10, 10), int)
    for actual_name, predicted_name, count in frame(result["confusion"]).rows():
        found[names.index(actual_name), names.index(predicted_name)] = count
    assert found.tolist() == confusion_matrix(KINDS["digit"], predicted["prediction"], labels=names).tolist()


def test_the_report(run: Any) -> None:
    stages = {stage["name"]: stage for stage in run[0].report["stages"]}
    facts = stages["LearnDeep"]["facts"]
    assert (facts["network"], facts["parameters"], facts["classes"], facts["samples"]) == ("Cnn", 698, 10, 180)
    assert (facts["validated"], facts["without_target"], facts["epochs"]) == (20, 40, 4)
    titles = [card["title"] for card in run[0].report["cards"]]
    assert titles.count("Confusion matrix") == 2 and "Training" in titles
    matrix = next(card for card in run[0].report["cards"] if card["title"] == "Confusion matrix")["parts"][0]
    assert sum(sum(row[1:-1]) for row in matrix["rows"]) == 20


def test_it_is_loaded_where_its_class_is_handed_over(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, folder, _ = run
    with pytest.raises(ArtefactError, match=r"none of gpupipe's own networks.*trusted=\[Cnn\]"):
        gp.load(folder / "saved")
    loaded = gp.load(folder / "saved", trusted=[Cnn])
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(CELLS)
    assert frame(loaded.predict().apply(tensor)).equals(frame(result["predicted"]))
    assert loaded.history.epochs == result["fitted"].history.epochs

    (tmp_path / "other_networks.py").write_text("from torch import nn\nclass Cnn(nn.Module):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArtefactError, match="not written as it was"):
        gp.load(folder / "saved", trusted=[importlib.import_module("other_networks").Cnn])
    files = {path.suffix for path in (folder / "saved").iterdir()}
    assert files <= {".json", ".safetensors", ".parquet"}


def test_a_checkpoint_takes_the_place_of_a_training(run: Any) -> None:
    result, folder, outputs = run
    again = gp.Pipeline("digits", outputs).run("cpu", checkpoints=folder / "kept", resume=True)
    assert again.report["checkpoints"]["taken"] and not again.report["checkpoints"]["remarks"]
    assert frame(again["predicted"]).equals(frame(result["predicted"]))


def test_numbers_and_augmentation() -> None:
    """The mean ink of an image is linear in its pixels."""
    means = pl.DataFrame({"image": np.arange(N), "ink": PIXELS.mean((1, 2))})
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(CELLS)
    training = Training(60, 16, 0.01, device="cpu", schedule="cosine", patience=30)
    learn = gp.LearnDeep(Flat, samples="image", target="ink", loss="mse", training=training, augment=shaken)
    fitted = learn.apply(tensor, means)
    scores = dict(frame(fitted.scores("ink").apply(tensor, means)).rows())
    assert set(scores) == {"rmse", "mae"} and scores["mae"] <= scores["rmse"] < 0.5 * means["ink"].std()
    predicted = frame(fitted.predict().apply(tensor))
    assert predicted.columns == ["image", "prediction"]
    assert np.sqrt(((predicted["prediction"] - means["ink"]) ** 2).mean()) == pytest.approx(scores["rmse"], rel=1e-5)


def test_samples_are_matched_by_label(run: Any) -> None:
    """Columns in another order of rows are the same image; an image with other columns is refused."""
    fitted = run[0]["fitted"]
    part = CELLS.filter(pl.col("image").is_in([7, 3])).sort("ink")
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(part)
    made = frame(fitted.predict().apply(tensor))
    expected = frame(run[0]["predicted"]).filter(pl.col("image").is_in([7, 3]))
    assert made["prediction"].to_list() == expected["prediction"].to_list()
    shifted = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(part.with_columns(pl.col("column") + 1))
    with pytest.raises(StageError, match="labels of the fit along 'column'"):
        fitted.predict().apply(shifted)


def test_errors(run: Any) -> None:
    with pytest.raises(UsageError, match="got a network that is made: a Flat"):
        gp.LearnDeep(Flat(), samples="image", target="digit")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one of 'cross_entropy', 'mse'"):
        gp.LearnDeep(Flat, samples="image", target="digit", loss="l3")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="from 0 to below 1, got 1"):
        gp.LearnDeep(Flat, samples="image", target="digit", validation=1)
    with pytest.raises(UsageError, match="a share, validation=0.1"):
        gp.LearnDeep(Flat, samples="image", target="digit", validation=0, training=Training(patience=1))
    cells, kinds = gp.FromFrame(CELLS).node(), gp.FromFrame(KINDS).node()
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0)(cells)
    for options, message in (
        ({"channel": 4}, "Did you mean 'channels'.*It takes 'channels', 'sizes'"),
        ({"channels": -1}, "Cnn cannot be made"),
    ):
        with pytest.raises(UsageError, match=message):
            gp.Pipeline("x", a=gp.LearnDeep(Cnn, options, samples="image", target="digit")(tensor, kinds)).plan()
    with pytest.raises(UsageError, match="Expected broken to return a torch.nn.Module, got str"):
        gp.Pipeline("x", a=gp.LearnDeep(broken, {"kind": "x"}, samples="image", target="digit")(tensor, kinds)).plan()
    with pytest.raises(PlanError, match="no dimension 'images'"):
        gp.Pipeline("x", a=gp.LearnDeep(Flat, samples="images", target="digit")(tensor, kinds)).plan()
    with pytest.raises(PlanError, match="expects numbers, got String in column 'digit'"):
        gp.Pipeline("x", a=gp.LearnDeep(Flat, samples="image", target="digit", loss="mse")(tensor, kinds)).plan()
    made = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(CELLS)
    with pytest.raises(StageError, match=r"samples that make the shape \(1, 9, 9\), got 64"):
        gp.LearnDeep(Cnn, {"channels": 2}, samples="image", target="digit", shape=(1, 9, 9)).apply(made, KINDS)
    with pytest.raises(StageError, match=r"broken does not take a batch of samples of shape \(8, 8\)"):
        gp.LearnDeep(broken, {"kind": "shape"}, samples="image", target="digit").apply(made, KINDS)
    for options, said in (({"options": [4]}, r"mapping of names to values, .*got \[4\]"), ({"training": {"epochs": 3}}, "got a dict")):
        with pytest.raises(UsageError, match=said):
            gp.LearnDeep(Flat, samples="image", target="digit", **options)
    numbers = pl.DataFrame({"image": [0, 1], "ink": [1.0, float("nan")]})
    with pytest.raises(StageError, match="finite numbers in 'ink', got 1 that are NaN"):
        gp.LearnDeep(Flat, samples="image", target="ink", loss="mse").apply(made, numbers)
    strange = KINDS.with_columns(digit=pl.lit("d77"))
    with pytest.raises(StageError, match="classes that the fit has seen, got 'd77'"):
        run[0]["fitted"].scores("digit").apply(made, strange)
    with pytest.raises(StageError, match="got 1 rows of other labels in 'image'"):
        run[0]["fitted"].scores("digit").apply(made, KINDS.with_columns(image=pl.when(pl.col("image") == 3).then(999).otherwise("image")))


def test_a_folder_takes_up_a_training(tmp_path: Path) -> None:
    tensor = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(CELLS)
    options: dict[str, Any] = {"samples": "image", "target": "digit", "shape": (1, 8, 8)}

    def learn(epochs: int, folder: Path | None) -> Any:
        return gp.LearnDeep(Cnn, {"channels": 2}, **options, training=Training(epochs, 16, device="cpu", folder=folder))

    whole = learn(4, None).apply(tensor, KINDS)
    learn(2, tmp_path).apply(tensor, KINDS)
    rest = learn(4, tmp_path).apply(tensor, KINDS)
    assert all(np.array_equal(one, other) for one, other in zip(whole.weights, rest.weights, strict=True))
    other = gp.ToTensor(["image", "row", "column"], "ink", fill=0).apply(CELLS.with_columns(pl.col("ink") * 2))
    with pytest.raises(UsageError, match="is of another training: it was begun with what"):
        learn(4, tmp_path).apply(other, KINDS)

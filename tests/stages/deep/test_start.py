"""Trainings that go on from what was fitted before, or from weights of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import PlanError, StageError, UsageError  # noqa: E402
from gpupipe.deep import Training  # noqa: E402

N = 60
CHANCE = np.random.default_rng(0)
KIND = np.arange(N) % 3
PIXELS = CHANCE.random((N, 3)) * 0.2 + np.eye(3)[KIND]
CELLS = pl.DataFrame({"s": np.repeat(np.arange(N), 3), "x": ["a", "b", "c"] * N, "v": PIXELS.ravel()})
KINDS = pl.DataFrame({"s": np.arange(N), "kind": [f"k{kind}" for kind in KIND]})
TRAINING = Training(6, 8, 0.05, device="cpu", threads=1)
STILL = Training(1, 64, 1e-12, device="cpu", threads=1)  # learns nothing that could be seen


class Net(nn.Module):
    """Two layers, the first of which may be held still."""

    def __init__(self, n_classes: int = 3, still: bool = False) -> None:
        super().__init__()
        self.body = nn.Linear(3, 5).requires_grad_(not still)
        self.head = nn.Linear(5, n_classes)

    def forward(self, samples: Any) -> Any:
        return self.head(torch.tanh(self.body(samples)))


def learn(training: Training = TRAINING, options: Any = None, **more: Any) -> gp.LearnDeep:
    return gp.LearnDeep(Net, options, **{"samples": "s", "target": "kind", "validation": 0, "training": training, **more})


def tensor_of(cells: Any) -> Any:
    return gp.ToTensor(["s", "x"], "v")(cells)


@pytest.fixture(scope="module")
def data() -> Any:
    return gp.ToTensor(["s", "x"], "v").apply(CELLS)


@pytest.fixture(scope="module")
def first(data: Any) -> Any:
    return learn().apply(data, KINDS)


def predicted(fitted: Any, data: Any) -> list[str]:
    return list(fitted.predict().apply(data)["prediction"].to_list())


def test_engines_agree(engine: str) -> None:
    cells, kinds = gp.FromFrame(CELLS).node(), gp.FromFrame(KINDS).node()
    before = learn().fit(tensor_of(cells), gp.Filter(nw.col("s") < 40)(kinds))
    made = learn(Training(1, 8, 0.05, device="cpu", threads=1)).fit(tensor_of(cells), kinds, before)
    ours, theirs = (gp.Pipeline("x", made=made).run(name)["made"] for name in ("cpu", engine))
    assert all(np.array_equal(one, other) for one, other in zip(ours.weights, theirs.weights, strict=True))


def test_it_begins_where_the_other_ended(first: Any, data: Any, tmp_path: Path) -> None:
    loaded = gp.load(gp.save(first, tmp_path / "kept"), trusted=[Net])
    state = first.network.state_dict()
    for start in (first, loaded, state, first.network):
        again = learn(STILL, start=start).apply(data, KINDS)
        for one, other in zip(again.weights, first.weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
    node = gp.FromFitted(loaded).node()
    result = gp.Pipeline("next", made=learn(STILL).fit(tensor_of(gp.FromFrame(CELLS).node()), gp.FromFrame(KINDS).node(), node)).run()
    assert predicted(result["made"], data) == predicted(first, data)
    more = learn().apply(data, KINDS, first)
    assert more.history.column("loss")[0] < first.history.column("loss")[-1]


def test_classes_and_labels_are_those_of_before(first: Any, data: Any) -> None:
    """Of fewer classes, and of columns in another order, the last layer's scores mean what they meant."""
    few = KINDS.filter(pl.col("kind") != "k0")
    made = learn(STILL).apply(data, few, first)
    assert made.class_names == ["k0", "k1", "k2"] and predicted(made, data) == predicted(first, data)
    turned = gp.ToTensor(["s", "x"], "v").apply(CELLS.with_columns(pl.col("x").replace_strict({"a": "c", "b": "b", "c": "a"})))
    assert predicted(learn(STILL).apply(turned, KINDS, first), turned) == predicted(first, turned)
    with pytest.raises(StageError, match="classes of the network that it goes on from, got 'k9' in 'kind'"):
        learn().apply(data, KINDS.with_columns(kind=pl.lit("k9")), first)
    with pytest.raises(StageError, match="labels of the fit along 'x'"):
        learn().apply(gp.ToTensor(["s", "x"], "v").apply(CELLS.with_columns(pl.col("x") + "!")), KINDS, first)


def test_other_classes_with_a_new_head(first: Any, data: Any) -> None:
    odd = KINDS.with_columns(kind=pl.when(pl.col("kind") == "k1").then(pl.lit("one")).otherwise(pl.lit("other")))
    made = learn(STILL, {"n_classes": 2}, anew="head").apply(data, odd, first)
    weights = dict(zip(made.names, made.weights, strict=True))
    np.testing.assert_allclose(weights["body.weight"], first.network.body.weight.detach(), atol=1e-9)
    assert made.class_names == ["one", "other"] and weights["head.weight"].shape == (2, 5)
    held = learn(TRAINING, {"n_classes": 2, "still": True}, anew=["head"], start=first).apply(data, odd)
    assert torch.equal(held.network.body.weight, first.network.body.weight), "what needs no gradients is not learnt"
    assert dict(held.scores("kind", (1,)).apply(data, odd).rows())["accuracy"] > 0.9


def test_classes_by_name(data: Any) -> None:
    """A class that no sample has is among them, and keeps its place."""
    made = learn(classes=["k2", "k0", "k1", "k1b"], options={"n_classes": 4}).apply(data, KINDS.filter(pl.col("kind") != "k0"))
    assert made.class_names == ["k0", "k1", "k1b", "k2"]
    assert set(predicted(made, data)[1::3]) == {"k1"}
    with pytest.raises(StageError, match="the classes that are named, got 'k0' in 'kind'"):
        learn(classes=["k2", "k1"], options={"n_classes": 2}).apply(data, KINDS)
    nodes = tensor_of(gp.FromFrame(CELLS).node()), gp.FromFrame(KINDS).node()
    with pytest.raises(PlanError, match=r"classes are to be of String, as 'kind' is, got \[1, 2, 3\]"):
        gp.Pipeline("x", a=learn(classes=[1, 2, 3]).fit(*nodes)).plan()
    for given in (["a"], ["a", "a"], "ab", ["a", None]):
        with pytest.raises(UsageError, match="two classes or more, each once"):
            learn(classes=given)


def test_what_does_not_fit_is_refused_in_the_plan(first: Any) -> None:
    tensor, kinds = tensor_of(gp.FromFrame(CELLS).node()), gp.FromFrame(KINDS).node()
    before = learn().fit(tensor, kinds)
    numbers = gp.FromFrame(KINDS.with_columns(kind=pl.col("s"))).node()
    linear = gp.CP(1).fit(tensor)
    for stage, inputs, message in (
        (learn(options={"n_classes": 4}), (kinds, before), r"got 'head.weight' of shape \(3, 5\), not \(4, 5\)"),
        (learn(options={"n_classes": 4}, start=first), (kinds,), "anew="),
        (learn(start=first), (kinds, before), "got an input and start="),
        (learn(anew="head"), (kinds,), "a network that it goes on from, and there is none"),
        (learn(anew="haed", start=first), (kinds,), "no part 'haed' in the network. Did you mean 'head'"),
        (learn(start=first, classes=["k0", "k1", "k2"]), (kinds,), "classes are those of the network that it goes on from"),
        (learn(start=first), (numbers,), "network of classes of String, got Int64 in 'kind'"),
        (learn(start=first, loss="mse"), (numbers,), "goes on from a network of classes, and learns numbers"),
        (learn(), (kinds, linear), "goes on from what another LearnDeep fitted, got a "),
    ):
        with pytest.raises((PlanError, UsageError), match=message):
            gp.Pipeline("x", a=stage.fit(tensor, *inputs)).plan()
    with pytest.raises(UsageError, match="goes on from what another LearnDeep fitted, or from weights, got a LearnDeep"):
        learn(start=learn())


def test_a_folder_is_of_one_start(first: Any, data: Any, tmp_path: Path) -> None:
    def trained(epochs: int, start: Any) -> Any:
        return learn(Training(epochs, 8, 0.05, device="cpu", threads=1, folder=tmp_path), start=start).apply(data, KINDS)

    trained(2, first)
    rest = trained(4, first)
    whole = learn(Training(4, 8, 0.05, device="cpu", threads=1), start=first).apply(data, KINDS)
    assert all(np.array_equal(one, other) for one, other in zip(whole.weights, rest.weights, strict=True))
    with pytest.raises(UsageError, match="is of another training"):
        trained(6, whole)


def test_checkpoints_tell_starts_apart(first: Any, data: Any, tmp_path: Path) -> None:
    def run(start: Any) -> Any:
        made = learn(STILL, start=start).fit(tensor_of(gp.FromFrame(CELLS).node()), gp.FromFrame(KINDS).node())
        return gp.Pipeline("x", made=made).run(checkpoints=tmp_path, resume=True)

    other = learn(Training(1, 8, 0.5, device="cpu", threads=1)).apply(data, KINDS)
    run(first)
    assert run(first).report["checkpoints"]["taken"] == [3]
    assert run(other.network.state_dict()).report["checkpoints"]["taken"] == [1], "the tensor, and no network"


def test_frames_go_on() -> None:
    clips = CHANCE.random((6, 4, 5, 5))
    names = ("sequence", "time", "height", "width")
    places = np.indices(clips.shape).reshape(4, -1)
    cells = pl.DataFrame({**dict(zip(names, places, strict=True)), "v": clips.ravel()})
    videos = gp.ToTensor(list(names), "v").apply(cells)
    options = {"cell": "conv-lstm", "channels": (2,), "layers": 1, "kernel_size": 3}

    def predict(training: Training, **more: Any) -> gp.PredictFrames:
        return gp.PredictFrames(options, n_seen=2, dims=names, validation=0, training=training, **more)

    first = predict(Training(1, 8, 0.01, device="cpu")).apply(videos)
    for again in (predict(STILL, start=first).apply(videos), predict(STILL).apply(videos, first)):
        for one, other in zip(again.weights, first.weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
    node = gp.ToTensor(list(names), "v")(gp.FromFrame(cells).node())
    other = gp.PredictFrames({**options, "channels": (3,)}, n_seen=2, dims=names, start=first)
    with pytest.raises(UsageError, match="PredictFrames starts from weights that are those of the network"):
        gp.Pipeline("x", a=other.fit(node)).plan()

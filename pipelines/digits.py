"""How much of a classifier can go before it reads digits less well: tensor regression layers in place of a dense one.

A small convolutional network ends in a *classifier* on its features, channel x row x column. Usual is to flatten them and take a dense
layer, with a weight for each feature and class. A tensor regression layer (TRL) keeps that weight as a small core and a factor for each
mode; a tensor contraction layer (TCL) before it makes the features smaller first (Kossaifi et al., JMLR 2020). The report sets accuracy
over the share of the classifier's parameters that is saved, and has the confusion matrix of each network.

    gpupipe run pipelines/digits.py --report report                              scikit-learn's digits, 8 x 8
    ... -p images=images-idx3-ubyte.gz -p labels=labels-idx1-ubyte.gz -p epochs=4        MNIST
"""

from __future__ import annotations

import gzip
from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits
from torch import Tensor, nn

import gpupipe as gp
from gpupipe.deep import Training
from gpupipe.deep.layers import TCL, TRL

CHANNELS = 32
RANKS = ((3, 2, 2, 6), (6, 3, 3, 10), (8, 4, 4, 10))  # of a TRL: its core along channel, row, column and class


def classifier(kind: str, rank: tuple[int, ...], side: int) -> nn.Module:
    """Return what makes ten scores of features (32, side, side)."""
    if kind == "dense":
        return nn.Sequential(nn.Flatten(), nn.Linear(CHANNELS * side * side, 10))
    if kind == "TRL":
        return TRL((CHANNELS, side, side), 10, rank)
    smaller = (CHANNELS // 2, side - 1, side - 1)
    return nn.Sequential(TCL((CHANNELS, side, side), smaller, bias=True), nn.ReLU(), TRL(smaller, 10, rank))


class DigitNetwork(nn.Module):
    """Two convolutions and a classifier."""

    def __init__(self, side: int, kind: str = "dense", rank: tuple[int, ...] = ()) -> None:
        super().__init__()
        first = (nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        second = (nn.Conv2d(16, CHANNELS, 3, padding=1), nn.BatchNorm2d(CHANNELS), nn.ReLU())
        self.features = nn.Sequential(*first, *second, nn.MaxPool2d(side // 4))
        self.classifier = classifier(kind, rank, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Return ten scores of each image."""
        scores: Tensor = self.classifier(self.features(images))
        return scores


def read_idx(path: str) -> np.ndarray:
    """Return the array of a file in the format of MNIST's."""
    held = gzip.decompress(Path(path).read_bytes())
    return np.frombuffer(held, np.uint8, offset=4 + 4 * held[3]).reshape(np.frombuffer(held, ">i4", held[3], 4))


def cells(pixels: np.ndarray) -> pa.Table:
    """Return a row for each pixel: image, row, column, ink."""
    image, row, column = np.indices(pixels.shape).reshape(3, -1)
    return pa.table({"image": image, "row": row, "column": column, "ink": pixels.ravel().astype(np.float32)})


def pipeline(images: str | None = None, labels: str | None = None, epochs: int = 15, seed: int = 0) -> gp.Pipeline:
    """Train the same network with each classifier, and set accuracy over what is saved.

    Parameters
    ----------
    images, labels
        Files of MNIST's format; scikit-learn's digits unless given.
    epochs
        How often each network goes through the images.
    seed
        Of first weights and of the order of images.
    """
    if (images is None) != (labels is None):
        raise ValueError("Images and labels go together: give both files, or neither for scikit-learn's digits.")
    if images is not None and labels is not None:
        pixels, target = read_idx(images) / 255, read_idx(labels)
    else:
        pixels, target = load_digits().images / 16, load_digits().target
    known = pa.table({"image": np.arange(len(pixels)), "digit": target.astype(np.int64)})
    tensor = gp.ToTensor(["image", "row", "column"], "ink")(gp.FromArrow(cells(pixels)).node().named("pixels"))
    learnt, tested = gp.Split((0.8, 0.2), by=["image"], seed=0)(gp.FromArrow(known).node().named("digits"))

    side = pixels.shape[1]
    training = Training(epochs, 32, 5e-3, schedule="cosine", seed=seed)
    dense_size = sum(part.numel() for part in classifier("dense", (), 4).parameters())
    rows, networks = [], {}
    for kind, rank in [("dense", ()), *(("TRL", rank) for rank in RANKS), ("TCL and TRL", (8, 3, 3, 10))]:
        name = f"{kind} {'x'.join(map(str, rank))}".strip()
        options = {"side": side, "kind": kind, "rank": rank}
        learn = gp.LearnDeep(DigitNetwork, options, samples="image", target="digit", shape=(1, side, side), training=training)
        network = networks[name] = learn.fit(tensor, learnt).named(name)
        scores = network.scores(tensor, tested, target="digit", top=(1,)).named(f"scores: {name}")
        saving = 1 - sum(part.numel() for part in classifier(kind, rank, 4).parameters()) / dense_size
        told = {"classifier": nw.lit(name), "kind": nw.lit(kind), "space_saving": nw.lit(saving), "accuracy": nw.col("value")}
        rows.append(gp.Select(**told)(scores))

    table = gp.SortRows("space_saving")(gp.Concat()(*rows))
    figure = gp.ShowCurves("space_saving", "accuracy", by="kind", title="Accuracy over the share of the classifier's parameters saved")(
        table
    )
    return gp.Pipeline("digits", {"accuracy": figure, **networks})

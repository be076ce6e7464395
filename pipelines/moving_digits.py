"""What comes next in a video: a convolutional LSTM beside one that looks further back through a tensor train.

Digits move and bounce in a frame (Moving MNIST). A network is shown the first frames, and goes on from its own. A *ConvLSTM* is an LSTM
whose products are convolutions; a *Conv-TT-LSTM* sees its last three hidden states through a train of small convolutions (Su et al.,
NeurIPS 2020), at the paper's size with a third fewer weights. The report has the frames side by side, as the paper has them: what was
shown, what came, what each network predicted; and the errors of each frame beside a black frame and a copy of the last one.

    gpupipe run pipelines/moving_digits.py --report report                               one small digit, about five minutes on a core
    gpupipe run pipelines/moving_digits.py -p sequences=80 -p epochs=2 --report report   to see it work
    ... -p images=images-idx3-ubyte.gz                                                   MNIST's digits, 28 x 28 on 56 x 56

The paper's own network and videos are for a GPU: `bench/moving_mnist.py`.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits

import gpupipe as gp
from gpupipe.deep import Training

NETWORKS: dict[str, dict[str, Any]] = {
    "ConvLSTM": {"cell": "conv-lstm"},
    "Conv-TT-LSTM": {"cell": "conv-tt-lstm", "order": 3, "steps": 3, "rank": 8},
}


def read_images(path: str | None) -> np.ndarray:
    """Return images (n, side, side) in [0, 1]: of a file in the format of MNIST's, or scikit-learn's digits."""
    if path is None:
        return np.asarray(load_digits().images / 16)
    held = gzip.decompress(Path(path).read_bytes())
    shape = np.frombuffer(held, ">i4", held[3], 4)
    return np.frombuffer(held, np.uint8, offset=4 + 4 * held[3]).reshape(shape) / 255


def cells(pixels: np.ndarray) -> pa.Table:
    """Return a row for each pixel: image, row, column, ink."""
    image, row, column = np.indices(pixels.shape).reshape(3, -1)
    return pa.table({"image": image, "row": row, "column": column, "ink": pixels.ravel().astype(np.float32)})


def pipeline(
    images: str | None = None,
    sequences: int = 800,
    epochs: int = 10,
    seed: int = 0,
) -> gp.Pipeline:
    """Train both networks on the same videos, and set their frames and errors side by side.

    Parameters
    ----------
    images
        Images of MNIST's format; scikit-learn's digits, 8 x 8, unless given.
    sequences
        How many videos to learn from.
    epochs
        How often each network goes through them.
    seed
        Of first weights and of the order of videos.
    """
    pixels = read_images(images)
    digits = gp.ToTensor(["image", "row", "column"], "ink")(gp.FromArrow(cells(pixels)).node().named("pixels"))
    video: dict[str, Any] = {"size": 2 * pixels.shape[1], "n_digits": 1, "n_frames": 16}

    # No digit that is learnt from is in the videos of the test.
    videos = gp.MoveDigits(sequences, **video, seed=1, part="train")(digits).named("videos")
    tests = gp.MoveDigits(max(100, sequences // 4), **video, seed=2, part="test")(digits).named("videos of the test")

    # The loss is the squared error alone: with the absolute one, a black frame is a trap that small networks stay in.
    small = {"channels": (16,), "layers": 2, "kernel_size": 3}
    training = Training(epochs, 16, 4e-3, seed=seed)
    predicted, trained = [], {}
    for name, options in NETWORKS.items():
        network = trained[name] = gp.PredictFrames({**options, **small}, n_seen=8, training=training).fit(videos).named(name)
        predicted.append(network.predict(tests).named(f"frames of {name}"))

    scores = gp.ScoreFrames(list(NETWORKS), n_seen=8)(tests, *predicted).named("frames")
    return gp.Pipeline("moving-digits", {"scores": scores, **trained})

"""The paper's network on Moving MNIST, by one command that may be killed and called again: for a GPU.

::

    python -m bench.moving_mnist images-idx3-ubyte.gz --folder runs/conv-tt-lstm
    python -m bench.moving_mnist images-idx3-ubyte.gz --folder runs/conv-lstm --cell conv-lstm
    python -m bench.moving_mnist images-idx3-ubyte.gz --folder runs/small --channels 8 --layers 1 --kernel 3 \\
        --sequences 16 --epochs 1 --tests 8 --precision float32      # a minute on a CPU, to see that it goes through

Two digits of 28 x 28 on 64 x 64, 10 frames shown and 10 predicted, 10,000 sequences drawn anew each epoch; L1 and squared error, Adam, the
learning rate times .98 every 5 epochs, gradients clipped, mixed precision, activations computed again, truth shown less and less once
validation stands still (Su et al., arXiv 2002.09131). In the folder: the file that a killed training goes on from, and ``scores.json`` with
the errors of each frame at 10 -> 10 and 10 -> 30. No run of it on a device has been seen; on a CPU it was made at its full size, learnt
from one sequence, was killed, and went on (docs/gpu-status.md).
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.machine import describe
from gpupipe.deep import Training, train
from gpupipe.deep.frame_network import FrameNetwork
from gpupipe.deep.frame_objective import NextFrames, TeacherForcing
from gpupipe.deep.moving_digits import MovingDigits, parts_of
from gpupipe.kernels.ssim import ssim

N_SEEN, WINDOW = 10, 7


def read_images(path: Path) -> np.ndarray:
    """Return the images of a file of MNIST's format, in [0, 1]."""
    held = gzip.decompress(path.read_bytes())
    return np.frombuffer(held, np.uint8, offset=4 + 4 * held[3]).reshape(np.frombuffer(held, ">i4", held[3], 4)) / 255


def scores(network: FrameNetwork, tests: MovingDigits, batch: int) -> dict[str, Any]:
    """Return the mean scores of each frame after those shown, beside a black frame and a copy of the last one."""
    sums: dict[str, Any] = {}
    for numbers in torch.arange(len(tests)).split(batch):
        (clips,) = tests[numbers]
        seen, truth = clips[:, :N_SEEN], clips[:, N_SEEN:].cpu().numpy()
        made = network.predict(seen, truth.shape[1]).cpu().numpy()
        copy = np.repeat(seen[:, -1:].cpu().numpy(), truth.shape[1], axis=1)
        for name, frames in {"network": made, "zero frame": 0 * truth, "copy of the last frame": copy}.items():
            errors = ((frames - truth).astype(np.float64) ** 2).mean(axis=(2, 3, 4)).sum(axis=0)
            found = np.stack([errors, ssim(np, frames, truth, window=WINDOW).mean(axis=2).sum(axis=0)])
            sums[name] = sums.get(name, 0) + found / len(tests)
    pixels = tests.size**2
    return {
        name: {
            "mse_per_pixel_x1000": (1e3 * errors).tolist(),
            "mse_per_frame": (pixels * errors).tolist(),
            "ssim": likeness.tolist(),
            "means": {"mse_per_pixel_x1000": 1e3 * errors.mean(), "mse_per_frame": pixels * errors.mean(), "ssim": likeness.mean()},
        }
        for name, (errors, likeness) in sums.items()
    }


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--cell", default="conv-tt-lstm", choices=("conv-lstm", "conv-tt-lstm"))
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--tests", type=int, default=3_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--precision", default="bfloat16", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 48, 48, 32])
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--kernel", type=int, default=5)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or go on with it, and write the scores."""
    options = options_of(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = torch.as_tensor(read_images(options.images), dtype=torch.float32)
    learnt, kept, unseen = (images[part].to(device) for part in parts_of(len(images)))
    torch.manual_seed(options.seed)
    size: dict[str, Any] = {"channels": tuple(options.channels), "layers": options.layers, "kernel_size": options.kernel}
    network = FrameNetwork(options.cell, **size, checkpoint=True)
    training = Training(
        options.epochs,
        options.batch,
        options.rate,
        schedule="steps",
        schedule_options={"step_size": 5, "gamma": 0.98},
        clip_norm=1.0,
        precision=options.precision,
        seed=options.seed,
        deterministic=False,
        folder=options.folder,
    )
    history = train(
        network,
        NextFrames(N_SEEN, squares=1.0, absolutes=1.0, forcing=TeacherForcing()),
        MovingDigits(learnt, options.sequences, seed=1, fresh=True),
        MovingDigits(kept, min(options.tests, options.sequences), seed=2),
        training=training,
        what="Moving MNIST, two digits, drawn anew",
        progress=lambda at, epochs, figures: print(f"epoch {at} of {epochs}: {json.dumps(figures)}", flush=True),
    )
    record: dict[str, Any] = {
        "machine": describe(),
        "device": str(device),
        "cell": options.cell,
        "options": size,
        "epochs": len(history.epochs),
    }
    record["parameters"] = sum(part.numel() for part in network.parameters())
    for ahead in (10, 30):
        record[f"10 -> {ahead}"] = scores(network, MovingDigits(unseen, options.tests, n_frames=N_SEEN + ahead, seed=3), options.batch)
        print(f"10 -> {ahead}:", json.dumps({name: held["means"] for name, held in record[f"10 -> {ahead}"].items()}), flush=True)
    (options.folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

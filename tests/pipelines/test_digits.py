"""The pipeline of classifiers of digits, as small as it can be."""

import gzip
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")
from sklearn.datasets import load_digits

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "digits.py"


@pytest.fixture
def digits_file() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def idx(path: Path, values: np.ndarray) -> str:
    """Write a file of MNIST's format."""
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}i", *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))
    return str(path)


def test_accuracy_stands_over_what_is_saved(digits_file: ModuleType, tmp_path: Path) -> None:
    digits = load_digits()
    images = idx(tmp_path / "images.gz", digits.images[:300] * 255 / 16)
    result = digits_file.pipeline(images, idx(tmp_path / "labels.gz", digits.target[:300]), epochs=1).run("cpu")
    table = result["accuracy"]
    assert table["space_saving"].is_sorted() and table["space_saving"][0] == 0 and table["classifier"][0] == "dense"
    assert table["accuracy"].is_between(0, 1).all() and table["kind"].n_unique() == 3
    which = (("dense", ()), ("TRL", (8, 4, 4, 10)))
    sizes = [sum(part.numel() for part in digits_file.classifier(*each, 4).parameters()) for each in which]
    assert sizes == [5130, 1678]
    assert table.filter(table["classifier"] == "TRL 8x4x4x10")["space_saving"].item() == pytest.approx(1 - 1678 / 5130)
    cards = [card["title"] for card in result.report["cards"]]
    assert "Accuracy over the share of the classifier's parameters saved" in cards and cards.count("Layers of few parameters") == 4
    assert cards.count("Confusion matrix") >= 5


def test_images_without_labels_are_refused(digits_file: ModuleType) -> None:
    with pytest.raises(ValueError, match="give both files, or neither"):
        digits_file.pipeline("images.gz")


def test_the_file_is_short_enough_to_teach() -> None:
    assert len(FILE.read_text().splitlines()) <= 120

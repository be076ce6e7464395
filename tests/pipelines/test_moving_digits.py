"""The pipeline of moving digits, as small as it can be."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "moving_digits.py"


def test_both_networks_stand_beside_what_costs_nothing() -> None:
    before = list(sys.path)
    module = sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before
    result = module.pipeline(sequences=20, epochs=1).run("cpu")
    scores = result["scores"]
    assert scores["forecast"].unique(maintain_order=True).to_list() == ["ConvLSTM", "Conv-TT-LSTM", "zero frame", "copy of the last frame"]
    assert len(scores) == 4 * 8 and scores["mse_per_pixel_x1000"].is_between(1, 1000).all() and scores["ssim"].is_between(-1, 1).all()
    parameters = {stage["label"]: stage["facts"]["parameters"] for stage in result.report["stages"] if stage["name"] == "PredictFrames"}
    assert parameters == {"ConvLSTM": 28_369, "Conv-TT-LSTM": 28_449}
    pictures = next(card for card in result.report["cards"] if card["title"] == "Frames: what came and what was predicted")["parts"]
    assert [row[0] for row in pictures[0]["rows"]] == ["shown", "what came", "ConvLSTM", "Conv-TT-LSTM"]


def test_the_file_is_short_enough_to_teach() -> None:
    assert len(FILE.read_text().splitlines()) <= 120

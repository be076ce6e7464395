"""The file of a training: damaged ones, and those of others, are told from those that can be resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.core.errors import ArtefactError, UsageError  # noqa: E402
from gpupipe.deep.training_file import NAME, put_together, read_training, taken_apart, write_training  # noqa: E402


def test_there_and_back(tmp_path: Path) -> None:
    assert read_training(tmp_path, "{}") is None
    tensors = {"network": {"a/b": torch.arange(3.0)[::2], "half": torch.ones(2, dtype=torch.bfloat16)}, "best": {}}
    write_training(tmp_path / "new", '{"what": "x"}', tensors, {"step": 3, "rate": 0.1 + 0.2})
    found = read_training(tmp_path / "new", '{"what": "x"}')
    assert found is not None
    groups, plain = found
    assert groups["network"]["a/b"].tolist() == [0.0, 2.0] and groups["network"]["half"].dtype == torch.bfloat16
    assert (plain["step"], plain["rate"]) == (3, 0.1 + 0.2)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [NAME]


def test_an_optimizer_there_and_back() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    weight.sum().backward()
    optimizer.step()
    tensors, others = taken_apart(optimizer.state_dict())
    made = put_together(tensors, others)
    assert made["param_groups"] == optimizer.state_dict()["param_groups"]
    assert made["state"][0]["exp_avg"].tolist() == optimizer.state_dict()["state"][0]["exp_avg"].tolist()


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    write_training(tmp_path, '{"what": "x", "seed": 1}', {"network": {}}, {})
    with pytest.raises(UsageError, match="begun with seed 1, not 2"):
        read_training(tmp_path, '{"what": "x", "seed": 2}')
    content = (tmp_path / NAME).read_bytes()
    for bad in (content[:20], b"", content.replace(b"gpupipe", b"gpupipa"), content.replace(b'\\"format\\": 1', b'\\"format\\": 9')):
        (tmp_path / NAME).write_bytes(bad)
        with pytest.raises(ArtefactError, match=r"Remove it to begin anew"):
            read_training(tmp_path, '{"what": "x", "seed": 1}')

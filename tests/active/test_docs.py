"""The code in docs/active.md runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from gpupipe.active.store import LabelStore

PAGE = Path(__file__).resolve().parents[2] / "docs" / "active.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
DEEP = "from gpupipe.deep"


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(block for block in BLOCKS if DEEP not in block), str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("[{'example_id': 'a', 'label': 'oak', 'state': 'exact'}]\n['b']\n")
    assert LabelStore("labels").held_out().to_pylist() == ["h1", "h2"]


def test_named_entities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="the extra deep is not installed")
    monkeypatch.chdir(tmp_path)
    Path("wikigold.conll").write_text("Ada I-PER\nslept O\n")
    (block,) = [block for block in BLOCKS if DEEP in block]
    made: dict[str, Any] = {}
    exec(compile(block.replace("wikigold.conll.gz", "wikigold.conll"), str(PAGE), "exec"), made)
    stages = [step.stage.name for step in made["names"].plan().steps]
    assert "TagSequences.score" in stages and stages.count("TagSequences") == 1

"""The code in docs/active.md runs as it stands there."""

import re
from pathlib import Path

import pytest

from gpupipe.active.store import LabelStore

PAGE = Path(__file__).resolve().parents[2] / "docs" / "active.md"


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("[{'example_id': 'a', 'label': 'oak', 'state': 'exact'}]\n['b']\n")
    assert LabelStore("labels").held_out().to_pylist() == ["h1", "h2"]

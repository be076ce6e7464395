"""The page for those who come from TensorLy names things that are there, on both sides, and its example runs."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import gpupipe as gp
import gpupipe.tensors as gt
from gpupipe.core.answers import answers_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tensors.md").read_text(encoding="utf-8")


def test_names_are_there() -> None:
    rows = re.findall(r"^\| (`tensorly.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 12
    for left, right in rows:
        for name in re.findall(r"`(tensorly[\w.]*)`", left):
            module, _, function = name.rpartition(".")
            assert hasattr(import_module(module), function), name
        named = [name for name in re.findall(r"`(\w+)`", right) if name not in ("skip", "skip_matrix")]
        assert named, right
        assert [name for name in named if name not in gt.__all__] == []


def test_nothing_of_the_face_is_forgotten() -> None:
    results = {"CPTensor", "RankPoint", "TTTensor", "TuckerTensor", "tucker_canonical"}
    assert [name for name in gt.__all__ if f"`{name}`" not in PAGE and name not in results] == []


def test_the_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for code in examples:
        exec(code, {})


def test_the_stages_are_there_with_their_answers() -> None:
    rows = re.findall(r"^\| (`[A-Z].*?) \| .* \| (.*?)\|$", PAGE, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)", answers)) for names, answers in rows for name in re.findall(r"`(\w+)`", names)}
    assert len(told) == 9
    common = {"reconstruct", "residual", "impute", "score"}
    for name, answers in told.items():
        known = set(answers_of(getattr(gp, name).fitted))
        assert known - common == answers, name


def test_names_are_sorted() -> None:
    assert sorted(gt.__all__) == list(gt.__all__)

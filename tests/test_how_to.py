"""The how-to pages do what they say: their files are written, their code and commands run, in order, in a folder of their own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from gpupipe.cli import app

PAGES = sorted((Path(__file__).parents[1] / "docs" / "how-to").glob("*.md"))
BLOCK = re.compile(r"^```(python|sh|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder of one's own, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def command(line: str) -> None:
    """Run a line of a shell: gpupipe in this process."""
    program, *words = shlex.split(line, comments=True)
    if program == "python":
        subprocess.run([sys.executable, *words], check=True)
        return
    assert program == "gpupipe"
    made = CliRunner().invoke(app, words)
    assert made.exit_code == 0, f"{line}\n{made.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, own_modules: None) -> None:
    names = ModuleType(f"page_{page.stem.replace('-', '_')}")
    sys.modules[names.__name__] = names
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        file = re.match(r"# (\w+\.py)\n", text)
        if language == "bash":
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
            [line] = [one for one in text.splitlines() if one.startswith("gpupipe run")]
            options = set(re.findall(r"--[\w-]+", line))
            assert options <= set(re.findall(r"--[\w-]+", CliRunner(env={"COLUMNS": "200"}).invoke(app, ["run", "--help"]).output))
        elif file:
            (tmp_path / file[1]).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in filter(None, text.splitlines()):
                command(line)
        else:
            exec(compile(text, str(page), "exec"), vars(names))


def test_the_pages_have_what_people_search() -> None:
    assert {
        "train-here-score-there",
        "larger-than-memory",
        "why-did-this-stage-cross",
        "resume",
        "on-slurm",
        "my-own-function",
        "a-database",
        "onnx",
    } == {page.stem for page in PAGES}

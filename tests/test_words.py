"""No file of the project tells on which machine, or with what, it was written; nor does one name a package index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A ~ cuts each word, so that this file does not hold it.
_WORDS = r"""py~pi\.org python~hosted py~pi\.nvidia index~-url /wo~rk/ /tmp/v~/ /ro~ot/ \.pye~nv (?<!scope=")\bsess~ions?\b
\bcla~ude\b anthr~opic \bsub~agents? language\smod~el issues\ssh~ow"""
FORBIDDEN_WORDS = re.compile("|".join(_WORDS.replace("~", "").split()), re.IGNORECASE)


def forbidden_words(root: Path, paths: list[Path]) -> list[str]:
    """Return the lines that tell of the place where the code was written."""
    wrong = []
    for path in paths:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            if found := FORBIDDEN_WORDS.search(line):
                wrong.append(f"{path.relative_to(root)}:{number}: {found.group()!r}")
    return wrong


def project_files() -> list[Path]:
    """Return the files that are, or will be, in the repository."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout, so what belongs to the project is not known")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_no_file_tells_where_it_was_written() -> None:
    wrong = forbidden_words(ROOT, project_files())
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_rule_finds_words(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text('fine\n@fixture(scope="sess' + 'ion")\nsee /wo' + "rk/x\nin a sess" + "ion\n")
    assert forbidden_words(tmp_path, [path]) == ["notes.md:3: '/wo" + "rk/'", "notes.md:4: 'sess" + "ion'"]

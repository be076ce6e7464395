from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gpupipe.core.errors import UsageError
from gpupipe.jobs.bundle import needed_files, pack, pack_results, unpack


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_modules_beside_and_below_the_file_go_with_it(tmp_path: Path) -> None:
    files = {
        "flow.py": "import polars, helpers.clean\nfrom sites import berlin\ndef pipeline():\n    import late",
        "helpers/__init__.py": "",
        "helpers/clean.py": "from . import words\nfrom ..flow import pipeline\nfrom .deep.er import x",
        "helpers/words.py": "",
        "helpers/deep/__init__.py": "",
        "helpers/deep/er.py": "import helpers.words as w",
        "helpers/unused.py": "",
        "sites/berlin.py": "",  # a namespace package
        "late.py": "",
        "unused.py": "",
        "rows.csv": "a\n1\n",
    }
    root = write(tmp_path, files)
    expected = ["flow.py", "helpers/__init__.py", "helpers/clean.py", "helpers/deep/__init__.py", "helpers/deep/er.py"]
    expected += ["helpers/words.py", "late.py", "sites/berlin.py"]
    assert needed_files(root / "flow.py") == expected


def test_more_can_be_included_from_below_the_folder_only(tmp_path: Path) -> None:
    root = write(tmp_path / "flows", {"flow.py": "", "sql/a.sql": "select 1", "sql/__pycache__/x.pyc": "", "names.csv": ""})
    assert needed_files(root / "flow.py", [root / "sql", root / "names.csv"]) == ["flow.py", "names.csv", "sql/a.sql"]
    outside = write(tmp_path, {"outside.sql": ""}) / "outside.sql"
    for wrong in (outside, root / "absent"):
        with pytest.raises(UsageError, match=r"Expected a file or folder below .*flows"):
            needed_files(root / "flow.py", [wrong])


def test_a_neighbour_that_is_no_python_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, {"flow.py": "import broken", "broken.py": "def"})
    with pytest.raises(UsageError, match=r"broken.py cannot be read as Python"):
        needed_files(root / "flow.py")


def test_what_is_packed_is_unpacked_as_it_was(tmp_path: Path) -> None:
    root = write(tmp_path / "a", {"flow.py": "import x", "x/y.py": "ä"})
    unpack(pack(root, ["flow.py", "x/y.py"]), tmp_path / "b")
    assert (tmp_path / "b" / "x" / "y.py").read_text() == "ä"
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["flow.py", "x"]


def test_too_much_is_refused_with_the_largest(tmp_path: Path) -> None:
    root = write(tmp_path, {"flow.py": "", "rows.csv": "x" * 200})
    with pytest.raises(UsageError, match=r"200 bytes, more than 100; the largest is rows.csv"):
        pack(root, ["flow.py", "rows.csv"], limit=100)


def test_an_archive_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../outside.txt"), io.BytesIO())
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(packed.getvalue(), tmp_path / "in")
    assert not (tmp_path / "outside.txt").exists()


def test_results_are_the_report_and_the_files_that_were_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = write(tmp_path / "results", {"report.json": "{}", "model/stage.json": "{}"})
    work = write(tmp_path / "work", {"flow.py": "", "out/a.csv": "1", "big.csv": "x" * 5000, "__pycache__/flow.pyc": ""})
    assert pack_results(results, work, ["flow.py"], tmp_path / "all.tar.gz") == []
    unpack(tmp_path / "all.tar.gz", tmp_path / "all")
    found = sorted(path.relative_to(tmp_path / "all").as_posix() for path in (tmp_path / "all").rglob("*") if path.is_file())
    assert found == ["model/stage.json", "outputs/big.csv", "outputs/out/a.csv", "report.json"]
    monkeypatch.setattr("gpupipe.jobs.bundle.ARCHIVE_BYTES", (1 << 20) + 4000)
    (left_out,) = pack_results(results, work, ["flow.py"], tmp_path / "less.tar.gz")
    assert left_out.startswith("gpupipe: outputs/big.csv (5,000 bytes) is not among what can be fetched")

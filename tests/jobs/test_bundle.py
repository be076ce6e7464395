from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gpupipe.core.errors import ClusterError, UsageError
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
    assert needed_files(root / "flow.py").names == tuple(expected)


def test_more_can_be_included_from_below_the_folder_only(tmp_path: Path) -> None:
    root = write(tmp_path / "flows", {"flow.py": "", "sql/a.sql": "select 1", "sql/__pycache__/x.pyc": "", "names.csv": ""})
    assert needed_files(root / "flow.py", [root / "sql", root / "names.csv"]).names == ("flow.py", "names.csv", "sql/a.sql")
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
    with pytest.raises(ClusterError, match="leads out of its folder"):
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


def test_links_and_private_files_of_a_folder_are_left_out_and_told(tmp_path: Path) -> None:
    files = {
        "flow.py": "",
        "assets/a.sql": "",
        "assets/.env": "KEY=1",
        "assets/.git/config": "",
        "assets/prod.env": "",
        "assets/deep/server.key": "",
        "assets/x.txt": "",
    }
    root = write(tmp_path / "flows", files)
    outside = write(tmp_path, {"outside": "secret"}) / "outside"
    (root / "assets" / "link").symlink_to(outside)
    (root / "assets" / "folder").symlink_to(tmp_path)
    (root / "named").symlink_to(outside)
    needed = needed_files(root / "flow.py", [root / "assets", root / "named"])
    assert needed.names == ("flow.py", "assets/a.sql", "assets/x.txt")
    told = "\n".join(needed.notes)
    for name in (
        "assets/.env",
        "assets/.git",
        "assets/prod.env",
        "assets/deep/server.key",
        "assets/link, a link",
        "assets/folder, a link",
        "named, a link",
    ):
        assert name in told
    assert needed_files(root / "flow.py", [root / "assets" / ".env"]).names == ("flow.py", "assets/.env"), "what is named by itself goes"


def test_a_module_that_is_a_link_is_shipped_as_what_it_says(tmp_path: Path) -> None:
    root = write(tmp_path / "flows", {"flow.py": "import common, twin", "twin.py": ""})
    (root / "common.py").symlink_to(write(tmp_path, {"lib.py": "x = 1"}) / "lib.py")
    (root / "twin.py").unlink()
    (root / "twin.py").hardlink_to(tmp_path / "lib.py")
    unpack(pack(root, needed_files(root / "flow.py").names), tmp_path / "there")
    assert (tmp_path / "there" / "common.py").read_text() == (tmp_path / "there" / "twin.py").read_text() == "x = 1"
    assert not (tmp_path / "there" / "common.py").is_symlink()


def archive_of(*members: tuple[str, bytes, bytes | str]) -> bytes:
    """Return an archive of members: name, kind, and content or where a link leads."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if isinstance(content, str):
                member.linkname = content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("packed", "told"),
    [
        (archive_of(("a", tarfile.SYMTYPE, "/etc/passwd")), "is a link or a device"),
        (archive_of(("a", tarfile.SYMTYPE, "b"), ("a/x", tarfile.REGTYPE, b"x")), "is a link or a device"),
        (archive_of(("a", tarfile.REGTYPE, b"x"), ("b", tarfile.LNKTYPE, "a")), "is a link or a device"),
        (archive_of(("a", tarfile.FIFOTYPE, "")), "is a link or a device"),
        (archive_of(("a", tarfile.CHRTYPE, "")), "is a link or a device"),
        (archive_of(("../outside", tarfile.REGTYPE, b"x")), "leads out of its folder"),
        (archive_of(("a/../../outside", tarfile.REGTYPE, b"x")), "leads out of its folder"),
        (archive_of(("a", tarfile.REGTYPE, b"x"), ("a", tarfile.REGTYPE, b"y")), "twice"),
        (archive_of(("a", tarfile.REGTYPE, b"x" * 2000)), "more than 1,000 bytes"),
        (archive_of(*((str(number), tarfile.REGTYPE, b"") for number in range(30))), "more than 20 files"),
        (archive_of(("a", tarfile.REGTYPE, bytes(range(256))))[:60], "damaged"),
        (b"no archive", "damaged"),
        (b"", "damaged"),
    ],
    ids=lambda given: given if isinstance(given, str) else "archive",
)
def test_an_archive_that_means_harm_is_refused(packed: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.jobs.bundle.MAX_FILES", 20)
    (tmp_path / "in").mkdir()
    with pytest.raises(ClusterError, match=told):
        unpack(packed, tmp_path / "in", limit=1000)
    assert not (tmp_path / "outside").exists()
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_links_among_what_a_job_made_are_not_followed(tmp_path: Path) -> None:
    results = write(tmp_path / "results", {"report.json": "{}"})
    work = write(tmp_path / "work", {"out/a.csv": "1"})
    secret = write(tmp_path, {"secret": "zq"}) / "secret"
    (work / "out" / "b.csv").symlink_to(secret)
    (work / "out" / "c.csv").hardlink_to(work / "out" / "a.csv")
    (told,) = pack_results(results, work, [], tmp_path / "all.tar.gz")
    assert told == "gpupipe: outputs/out/b.csv is a link, and is not among what can be fetched"
    unpack(tmp_path / "all.tar.gz", tmp_path / "all")
    assert sorted(path.name for path in (tmp_path / "all").rglob("*") if path.is_file()) == ["a.csv", "c.csv", "report.json"]

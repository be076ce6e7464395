"""Paths, globs, folders and addresses."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import fsspec
import pytest
from fsspec import AbstractFileSystem

from gpupipe.core.errors import MissingExtraError, SourceError, UsageError
from gpupipe.core.files import Place, find_files, kept_paths, local_files, place, shown


def names(folder: Path, path: str) -> list[str]:
    return [os.path.relpath(found.path, folder) for found in find_files(path, (".csv",), "files")]


def test_folders_leave_out_what_is_hidden_and_of_another_kind(tmp_path: Path) -> None:
    for name in ("b.csv", "a/x.CSV", "a/_k=1/y.csv", ".tmp/z.csv", "_old/z.csv", "a/_z.csv", "a/.z.csv", "readme.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path, str(tmp_path)) == ["a/_k=1/y.csv", "a/x.CSV", "b.csv"]
    assert names(tmp_path, f"{tmp_path}/*") == ["a/_k=1/y.csv", "a/x.CSV", "b.csv", "readme.md"]
    assert names(tmp_path, f"{tmp_path}/**/*.csv") == ["a/_k=1/y.csv", "b.csv"]
    assert names(tmp_path, f"{tmp_path}/**/_k=*/**/*.csv*") == ["a/_k=1/y.csv"]
    assert names(tmp_path, f"{tmp_path}/**") == ["a/_k=1/y.csv", "a/x.CSV", "b.csv", "readme.md"]
    assert names(tmp_path, f"{tmp_path}/**/a") == ["a/_k=1/y.csv", "a/x.CSV"]
    assert names(tmp_path, f"{tmp_path}/**/_o*/*") == ["_old/z.csv"]
    assert names(tmp_path, f"{tmp_path}/_o*/*") == ["_old/z.csv"]
    assert names(tmp_path, f"{tmp_path}/a/_z.csv") == ["a/_z.csv"]


@pytest.mark.parametrize("name", [b"\xff.csv", b"a\xe9\x1b[31m.csv"])
def test_a_name_that_is_no_utf8_is_refused(name: bytes, tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
    path.write_text("a\n1\n")
    for given in (tmp_path, path, str(tmp_path / "*.csv")):
        with pytest.raises(SourceError, match=r"Expected names of CSV files in UTF-8, got .*udc.*Rename the file or folder") as caught:
            find_files(given, (".csv",), "CSV files")
        assert "\x1b" not in str(caught.value)


def test_a_name_may_look_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").touch()
    assert names(tmp_path, f"{tmp_path}/a[1].csv") == ["a[1].csv"]


def test_the_root_of_a_glob_is_its_fixed_part(tmp_path: Path) -> None:
    (tmp_path / "k=1" / "j=2").mkdir(parents=True)
    (tmp_path / "k=1" / "j=2" / "a.csv").touch()
    for path, folders in ((f"{tmp_path}/k=*", ("k=1", "j=2")), (f"{tmp_path}/k=1/*", ("j=2",)), (f"{tmp_path}/k=1/j=2/a.csv", ())):
        [found] = find_files(path, (".csv",), "files")
        assert found.folders == folders


def test_a_home_folder_and_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").touch()
    assert find_files("~/a.csv", (".csv",), "files")[0].path == f"{tmp_path}/a.csv"
    monkeypatch.chdir(tmp_path)
    assert [found.path for found in find_files("*.csv", (".csv",), "files")] == ["a.csv"]
    with pytest.raises(
        SourceError, match=r"Expected files at 'b\.csv', got nothing there; the folder '\.' holds 'a\.csv'\. Did you mean 'a\.csv'"
    ):
        find_files("b.csv", (".csv",), "files")


def test_a_missing_folder_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "performance").mkdir()
    with pytest.raises(SourceError, match=r"the folder '.*' holds 'performance'\. Did you mean 'performance'\?"):
        find_files(f"{tmp_path}/perfomance/2007/*.txt", (".txt",), "files")


def test_a_glob_names_only_what_it_matches_but_for_capitals(tmp_path: Path) -> None:
    for name in ("q.csv", "b.CSV"):
        (tmp_path / name).touch()
    for pattern, hint in (("zz*.csv", ""), ("?q.csv", ""), ("B*.csv", " Did you mean 'b.CSV'?"), ("x/*.csv", "")):
        with pytest.raises(SourceError) as caught:
            find_files(f"{tmp_path}/{pattern}", (".csv",), "files")
        assert str(caught.value).endswith(f"got nothing there; the folder '{tmp_path}' holds 'b.CSV', 'q.csv'.{hint} Check the path.")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("aiohttp", "fsspec.implementations.http", "libarchive", "fsspec.implementations.libarchive"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"^'https://a/b\.csv' needs the package aiohttp, .* Run: pip install aiohttp$"):
        place("https://a/b.csv")
    with pytest.raises(
        MissingExtraError, match=r"^'libarchive://a/b' needs a package that is not installed\. fsspec says: LibArchive requires"
    ):
        place("libarchive://a/b")


def test_remote_files_are_downloaded_once_and_again_when_they_change(tmp_path: Path) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/files/k=1/a.csv", b"a" * 100)
    [found] = find_files("memory://files", (".csv",), "files")
    [first] = local_files([found], str(tmp_path))
    assert Path(first).read_bytes() == b"a" * 100 and Path(first).parent.name == "k=1"
    assert local_files([found], str(tmp_path)) == [first]
    fs.pipe("/files/k=1/a.csv", b"b")
    [second] = local_files([found], str(tmp_path))
    assert Path(second).read_bytes() == b"b" and second != first


def test_a_download_that_fails_leaves_nothing(tmp_path: Path) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/gone/a.csv", b"a")
    gone = place("memory://gone/a.csv")
    stamp = gone.stamp
    assert stamp
    with pytest.raises(SourceError, match=r"could not be downloaded to .*Check the address, the network, and the room there"):
        local_files([Place("/gone/b.csv", _Vanishing())], str(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class _Vanishing:
    """A store that loses a file between a look and a read."""

    def ukey(self, path: str) -> str:
        return path

    def unstrip_protocol(self, path: str) -> str:
        return f"vanishing://{path}"

    def open(self, path: str, mode: str) -> object:
        raise FileNotFoundError(path)


def test_paths_are_values() -> None:
    assert kept_paths([Path("a"), "b"]) == ("a", "b") and kept_paths(Path("a")) == "a"
    assert shown(("a", "b", "c")) == "a and 2 more"
    assert str(place("memory://a/b")) == "memory:///a/b"


def test_a_path_with_nul_is_refused(tmp_path: Path) -> None:
    for path in (f"{tmp_path}/a\0.csv", "memory://a\0b", f"{tmp_path}/\0/*.csv"):
        with pytest.raises(UsageError, match=r"^Expected a path, in which the character NUL cannot be, got '.*\\x00"):
            find_files(path, (".csv",), "files")


class _Refusing(AbstractFileSystem):
    """A store whose library has errors of its own."""

    protocol = "refusing"

    def info(self, path: str, **kwargs: object) -> dict[str, object]:
        raise RuntimeError("401, token has expired.")

    ls = info

    def _open(self, path: str, mode: str = "rb", **kwargs: object) -> object:
        raise RuntimeError("401, token has expired.")


def test_what_a_file_system_raises_is_an_error_about_the_address(tmp_path: Path) -> None:
    fsspec.register_implementation("refusing", _Refusing, clobber=True)
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        closed = f"ftp://127.0.0.1:{bound.getsockname()[1]}/a.csv"
        (tmp_path / "a.zip").write_bytes(b"no archive")
        for path, told in {
            "refusing://b/a.csv": r"refusing://b/a\.csv could not be reached: RuntimeError: 401, token has expired\. Check the address",
            "refusing://b/*.csv": r"refusing://b/.* could not be reached: RuntimeError",
            closed: r"ftp://127.* could not be reached: ConnectionRefusedError: .* Check the address, the network, and what you may",
            f"zip://a.csv::{tmp_path}/a.zip": r"zip://.* could not be reached: BadZipFile: File is not a zip file\. Check",
        }.items():
            with pytest.raises(SourceError, match=f"^{told}"):
                find_files(path, (".csv",), "files")
    with pytest.raises(SourceError, match=r"^refusing://b/a\.csv could not be reached: RuntimeError: 401"):
        local_files([Place("b/a.csv", _Refusing())], str(tmp_path))

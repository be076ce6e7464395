"""The generator's promises: the same rows for the same seed however they are cut, exact counts, and nothing half-written."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpupipe.core.errors import SinkError, StageError, UsageError
from gpupipe.datasets.mortgage import MortgageFiles, _publish, generate_mortgage
from gpupipe.datasets.mortgage_quarters import count_rows
from gpupipe.datasets.mortgage_workers import default_workers

N_ROWS_OF_TWO_BATCHES = 300_000


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def text_of(paths: tuple[Path, ...]) -> bytes:
    return b"".join(path.read_bytes() for path in paths)


def loan_ids(path: Path) -> list[str]:
    return [line.split("|", 1)[0] for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def two_batches(tmp_path_factory: pytest.TempPathFactory) -> MortgageFiles:
    return generate_mortgage(tmp_path_factory.mktemp("mortgage") / "two", N_ROWS_OF_TWO_BATCHES, seed=3)


@pytest.mark.parametrize("text", [True, False])
def test_two_runs_write_the_same_bytes(tmp_path: Path, text: bool) -> None:
    for name in ("a", "b"):
        generate_mortgage(tmp_path / name, 12_345, seed=5, text=text, rows_a_file=5_000)
    generate_mortgage(tmp_path / "c", 12_345, seed=6, text=text, rows_a_file=5_000)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize("rows_a_file", [100_003, 230_000])
def test_the_rows_do_not_depend_on_the_size_of_the_files(tmp_path: Path, two_batches: MortgageFiles, rows_a_file: int) -> None:
    files = generate_mortgage(tmp_path / "cut", N_ROWS_OF_TWO_BATCHES, seed=3, rows_a_file=rows_a_file)
    assert len(files.performance) > 1
    assert text_of(files.performance) == text_of(two_batches.performance)
    assert text_of(files.acquisition) == text_of(two_batches.acquisition)


def test_a_small_set_is_the_start_of_a_large_one(tmp_path: Path, two_batches: MortgageFiles) -> None:
    files = generate_mortgage(tmp_path / "small", 5_000, seed=3)
    assert text_of(two_batches.performance).startswith(text_of(files.performance))
    assert text_of(two_batches.acquisition).startswith(text_of(files.acquisition))


def test_batches_are_not_alike(two_batches: MortgageFiles) -> None:
    rows = [line.split("|")[1:] for path in two_batches.acquisition for line in path.read_text().splitlines()]
    first, second = rows[:1000], rows[4096:5096]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 10


@pytest.mark.parametrize("n_rows", [1, 7, 1000, 12_345])
@pytest.mark.parametrize("rows_a_file", [1, 500, 2_000_000])
def test_the_number_of_rows_is_exact(tmp_path: Path, n_rows: int, rows_a_file: int) -> None:
    files = generate_mortgage(tmp_path / "out", n_rows, rows_a_file=rows_a_file)
    lines = [loan for path in files.performance for loan in loan_ids(path)]
    assert len(lines) == files.n_rows == n_rows
    assert [loan for path in files.acquisition for loan in loan_ids(path)] == list(dict.fromkeys(lines))
    assert files.n_loans == len(set(lines))
    assert files.n_bytes == len(text_of(files.performance)) + len(text_of(files.acquisition))


def test_a_loan_lies_in_one_file_beside_its_acquisition_row(tmp_path: Path) -> None:
    files = generate_mortgage(tmp_path / "out", 12_345, rows_a_file=1_000)
    assert len(files.performance) == len(files.acquisition) > 10
    seen: set[str] = set()
    for performance, acquisition in zip(files.performance, files.acquisition, strict=True):
        loans = loan_ids(performance)
        assert len(loans) <= 1_000
        assert loan_ids(acquisition) == list(dict.fromkeys(loans))
        assert seen.isdisjoint(loans)
        seen.update(loans)


def test_rows_of_a_loan_are_together_and_in_the_order_of_months(tmp_path: Path) -> None:
    files = generate_mortgage(tmp_path / "out", N_ROWS_OF_TWO_BATCHES, text=False)
    table = pq.read_table(files.performance[0], columns=["loan_id", "monthly_reporting_period"])
    loan = table["loan_id"].to_numpy()
    month = table["monthly_reporting_period"].to_numpy().astype("datetime64[M]").astype(np.int64)
    same = loan[1:] == loan[:-1]
    assert len(np.unique(loan)) == files.n_loans == np.count_nonzero(~same) + 1
    assert np.array_equal(np.diff(month)[same], np.ones(np.count_nonzero(same)))


def test_names_of_files_count_the_pieces_of_a_quarter(tmp_path: Path) -> None:
    whole = generate_mortgage(tmp_path / "whole", 1000)
    cut = generate_mortgage(tmp_path / "cut", 1000, rows_a_file=600)
    parquet = generate_mortgage(tmp_path / "parquet", 1000, rows_a_file=600, text=False)
    assert [path.name for path in whole.performance + whole.acquisition] == ["Performance_2000Q1.txt", "Acquisition_2000Q1.txt"]
    assert [path.name for path in cut.performance] == ["Performance_2000Q1.txt_0", "Performance_2000Q1.txt_1"]
    assert [path.name for path in cut.acquisition] == ["Acquisition_2000Q1_0.txt", "Acquisition_2000Q1_1.txt"]
    assert [path.name for path in parquet.performance] == ["Performance_2000Q1_0.parquet", "Performance_2000Q1_1.parquet"]
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["acquisition", "names.csv", "performance"]


def test_every_seller_has_a_short_name(two_batches: MortgageFiles) -> None:
    header, *pairs = [line.split("|") for line in two_batches.names.read_text().splitlines()]
    sellers = {line.split("|")[2] for path in two_batches.acquisition for line in path.read_text().splitlines()}
    assert header == ["seller_name", "new"]
    assert len(pairs) == len({legal for legal, _ in pairs}) == 81
    assert sellers <= {legal for legal, _ in pairs}
    assert len(sellers) == 13


def test_progress_counts_the_rows(tmp_path: Path) -> None:
    counts: list[int] = []
    generate_mortgage(tmp_path / "out", N_ROWS_OF_TWO_BATCHES, text=False, progress=counts.append)
    assert len(counts) == 2
    assert 0 < counts[0] < counts[1] == N_ROWS_OF_TWO_BATCHES


def interrupt(n_rows: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("text", [True, False])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, text: bool) -> None:
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "empty", tmp_path / "not" / "yet"):
        with pytest.raises(KeyboardInterrupt):
            generate_mortgage(out, 500_000, text=text, progress=interrupt)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_an_interrupted_overwrite_leaves_the_old_files(tmp_path: Path) -> None:
    generate_mortgage(tmp_path, 1000)
    before = digests(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        generate_mortgage(tmp_path, 500_000, seed=1, overwrite=True, progress=interrupt)
    assert digests(tmp_path) == before


GENERATE = "import sys; from gpupipe.datasets import generate_mortgage; generate_mortgage(sys.argv[1], 10**9, workers=int(sys.argv[2]))"


@contextmanager
def generating(out: Path, workers: int) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process, at the head of a group, that has begun to write."""
    call = [sys.executable, "-c", GENERATE, str(out), str(workers)]
    with subprocess.Popen(call, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            until = time.monotonic() + 300
            while not any(path.stat().st_size for path in out.rglob("performance/*")) and time.monotonic() < until:
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def members(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    states = {int(path.parent.name): stat_of(path) for path in Path("/proc").glob("[0-9]*/stat")}
    return [process for process, (state, of) in states.items() if of == group and state != "Z"]


def stat_of(path: Path) -> tuple[str, int]:
    """A process's state and group."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0
    return fields[0], int(fields[2])


def wait_until_gone(group: int) -> bool:
    """Whether a group has no processes any more, given time to end."""
    until = time.monotonic() + 300
    while members(group) and time.monotonic() < until:
        time.sleep(0.02)
    return not members(group)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_nothing(tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    with generating(out, workers) as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, stderr = process.communicate(timeout=300)
        assert stderr.count(b"KeyboardInterrupt") == 1
        assert not out.exists()
        assert wait_until_gone(process.pid)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with generating(tmp_path / "out", 2) as process:
        assert len(members(process.pid)) > 2
        process.kill()
        assert wait_until_gone(process.pid)


def test_a_killed_worker_is_told_of_and_leaves_nothing(tmp_path: Path) -> None:
    others = set(multiprocessing.active_children())  # a cluster of other tests, perhaps

    def kill(n_rows: int) -> None:
        for child in set(multiprocessing.active_children()) - others:
            child.kill()

    with pytest.raises(StageError, match="Expected 2 processes to draw mortgage rows, got one that ended before its work did"):
        generate_mortgage(tmp_path / "out", 20_000_000, text=False, workers=2, progress=kill)
    assert set(multiprocessing.active_children()) <= others
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [True, False])
def test_the_files_do_not_depend_on_the_number_of_workers(tmp_path: Path, text: bool) -> None:
    others = set(multiprocessing.active_children())
    counts: list[int] = []
    alone = generate_mortgage(tmp_path / "1", 2_000_000, rows_a_file=700_000, text=text, workers=1)
    together = generate_mortgage(tmp_path / "2", 2_000_000, rows_a_file=700_000, text=text, workers=2, progress=counts.append)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    assert (together.n_rows, together.n_loans, together.n_bytes) == (alone.n_rows, alone.n_loans, alone.n_bytes)
    assert [path.name for path in together.performance] == [path.name for path in alone.performance]
    assert counts == [count_rows(0, 0), 2_000_000]
    assert set(multiprocessing.active_children()) <= others


def test_few_rows_are_drawn_by_this_process() -> None:
    cores = len(os.sched_getaffinity(0))
    assert [default_workers(n_rows) for n_rows in (1, 3_000_000)] == [1, 1]
    assert default_workers(10**9) == cores


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)); "


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_a_sink_error_and_leaves_nothing(tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    call = [sys.executable, "-c", FULL + GENERATE, str(out), str(workers)]
    done = subprocess.run(call, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert f"SinkError: expected to write mortgage files into {str(out)!r}, got: File too large." in done.stderr
    assert not out.exists()


def test_overwrite_replaces_its_own_files_and_no_others(tmp_path: Path) -> None:
    generate_mortgage(tmp_path, 3000, rows_a_file=1000)
    (tmp_path / "notes.md").write_text("mine")
    generate_mortgage(tmp_path, 1000, seed=1, overwrite=True)
    generate_mortgage(tmp_path / "fresh", 1000, seed=1)
    fresh = digests(tmp_path / "fresh")
    assert {name: digest for name, digest in digests(tmp_path).items() if name in fresh} == fresh
    assert sorted(path.name for path in (tmp_path / "performance").iterdir()) == ["Performance_2000Q1.txt"]
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_old_files_come_back_when_a_move_fails(tmp_path: Path) -> None:
    generate_mortgage(tmp_path, 1000)
    before = digests(tmp_path)
    # A folder cannot be moved into itself: the second of the three moves fails.
    staging = tmp_path / "performance" / "staging"
    generate_mortgage(staging, 1000, seed=1)
    with pytest.raises(OSError, match="Invalid argument"):
        _publish(staging, tmp_path)
    assert {name: digest for name, digest in digests(tmp_path).items() if "staging" not in name} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rows": 0}, "expected n_rows to be a whole number of at least 1, got 0. Pass n_rows=1 or more."),
        ({"n_rows": -5}, "expected n_rows to be a whole number of at least 1, got -5. Pass n_rows=1 or more."),
        ({"n_rows": 1e6}, "expected n_rows to be a whole number of at least 1, got 1000000.0. Pass n_rows=1 or more."),
        ({"rows_a_file": 0}, "expected rows_a_file to be a whole number of at least 1, got 0. Pass rows_a_file=1 or more."),
        ({"workers": 0}, "expected workers to be a whole number of at least 1, got 0. Pass workers=1 or more."),
        ({"seed": -1}, "expected seed to be a whole number of at least 0, got -1. Pass seed=0 or more."),
    ],
)
def test_a_number_out_of_range_is_a_usage_error(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        generate_mortgage(tmp_path / "out", **({"n_rows": 1000} | options))
    assert str(caught.value) == message
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(UsageError) as caught:
        generate_mortgage(tmp_path, 1000)
    assert str(caught.value) == (
        f"expected out to be a new or an empty folder, got {str(tmp_path)!r}, which holds files. "
        "Name another folder, or pass overwrite=True to replace acquisition, performance, names.csv in it."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["notes.md"]


def test_a_file_as_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError) as caught:
        generate_mortgage(tmp_path / "out", 1000)
    assert str(caught.value) == f"expected out to be a folder, got the file {str(tmp_path / 'out')!r}. Name a new folder."


def test_a_folder_that_cannot_be_made_is_a_sink_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SinkError) as caught:
        generate_mortgage(tmp_path / "file" / "out", 1000)
    assert str(caught.value) == (
        f"expected to write mortgage files into {str(tmp_path / 'file' / 'out')!r}, got: Not a directory. "
        "Check the permissions of the folder and the space on its disk, or name another folder."
    )
    assert isinstance(caught.value.__cause__, OSError)


def test_parquet_has_plain_types(tmp_path: Path) -> None:
    files = generate_mortgage(tmp_path / "out", 1000, text=False)
    performance = pq.read_schema(files.performance[0])
    acquisition = pq.read_schema(files.acquisition[0])
    assert (len(performance), len(acquisition)) == (31, 25)
    kinds = {"int64", "double", "string", "date32[day]", "int32"}
    assert {str(field.type) for schema in (performance, acquisition) for field in schema} == kinds
    assert performance.field("current_loan_delinquency_status").type == pa.int32()


def test_what_a_killed_process_left_is_no_files_of_the_folder(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom gpupipe.datasets.mortgage import _staging\n"
        "made = _staging(Path(sys.argv[1]))\nmade.__enter__()\nos._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], env=environment, check=False, timeout=300)
    (left,) = (tmp_path / "out").iterdir()
    assert left.name.startswith(".mortgage-")
    generate_mortgage(tmp_path / "out", 100, seed=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["acquisition", "names.csv", "performance"]

"""Parquet files: planned from their footers, read by column, and refused by name where they are damaged."""

from __future__ import annotations

import datetime as dt
import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import fsspec
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.arrow import plain_table
from gpupipe.core.ends import Reading
from gpupipe.core.errors import ColumnError, GpupipeError, MissingExtraError, SourceError, UsageError
from gpupipe.core.schema import Field
from gpupipe.engines._scan import read_lazy
from gpupipe.engines.load import ON_DEVICES
from gpupipe.sources.from_arrow import FromArrow
from gpupipe.sources.from_frame import FromFrame
from gpupipe.sources.read_arrow import ReadArrow
from gpupipe.sources.read_parquet import ReadParquet

Read = Callable[..., pa.Table]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", None], "f": [1.0, math.nan]}), tmp_path / "p0.parquet")
    pq.write_table(pa.table({"a": [3], "b": ["z"], "f": [3.0]}), tmp_path / "p1.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".hidden.parquet").write_bytes(b"not parquet")
    return tmp_path


@pytest.mark.parametrize("form", ["folder", "glob", "list", "path", "file url"])
def test_a_folder_a_glob_and_a_list_are_the_same_rows(folder: Path, form: str, read: Read) -> None:
    files = [folder / "p0.parquet", folder / "p1.parquet"]
    path = {
        "folder": str(folder),
        "glob": f"{folder}/p?.parquet",
        "list": [str(file) for file in files],
        "path": folder,
        "file url": f"file://{folder}/p*",
    }
    source = ReadParquet(path[form])  # type: ignore[arg-type]
    assert read(source).sort_by("a").to_pydict() == {"a": [1, 2, 3], "b": ["x", None, "z"], "f": [1.0, None, 3.0]}
    assert source.known_rows() == 3


def test_the_footers_tell_the_schema_and_what_is_never_null(folder: Path) -> None:
    assert ReadParquet(folder).schema().as_json() == [["a", "Int64", False], ["b", "String", True], ["f", "Float64", True]]
    assert ReadParquet(folder, nan_as_null=False).schema().not_null == {"a", "f"}


def test_a_required_column_is_never_null(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("a", pa.int8(), nullable=False), ("b", pa.int8())])
    pq.write_table(pa.table([[1], [None]], schema=schema), tmp_path / "x.parquet", write_statistics=False)
    assert ReadParquet(tmp_path).schema().not_null == {"a"}


def test_nan_is_a_number_where_it_is_declared_so(folder: Path, read: Read) -> None:
    found = read(ReadParquet(folder / "p0.parquet", nan_as_null=False))["f"]
    assert found.null_count == 0 and math.isnan(found[1].as_py())


def test_only_the_columns_and_rows_needed_are_read(folder: Path, tmp_path: Path) -> None:
    source = ReadParquet(folder / "p0.parquet")
    frame = read_lazy(source, Reading(("a",), pl.col("a") > 1), source.schema(), str(tmp_path))
    plan = frame.explain()
    assert "PROJECT 1/3 COLUMNS" in plan and 'SELECTION: col("a") > 1' in plan
    assert frame.collect().to_dict(as_series=False) == {"a": [2]}


def test_a_damaged_column_that_is_not_asked_for_is_not_read(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": list(range(1000)), "b": [f"{n:050}" for n in range(1000)]}), path, use_dictionary=False)
    column = pq.read_metadata(path).row_group(0).column(1)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    assert read(ReadParquet(path), ["a"]).num_rows == 1000
    with pytest.raises(GpupipeError):
        read(ReadParquet(path), ["b"])
    found = ReadParquet(path).explain(Exception())
    assert found is not None and str(found).startswith(f"{path}: expected a whole parquet file, got one that cannot be read")


def test_row_groups_that_a_filter_leaves_out_are_not_read(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "a.parquet"
    numbers = pa.array(range(30_000))
    pq.write_table(pa.table({"n": numbers, "x": numbers}), path, row_group_size=10_000, use_dictionary=False, compression="none")
    groups = [pq.read_metadata(path).row_group(place) for place in range(2)]
    with path.open("r+b") as file:  # the pages of the first two row groups are gone, their statistics are not
        for column in (group.column(place) for group in groups for place in range(2)):
            file.seek(column.data_page_offset)
            file.write(b"\xff" * column.total_compressed_size)
    table = ReadParquet(path).node() >> gp.Filter(nw.col("n") >= 25_000)
    made = gp.Pipeline("p", out=table, total=gp.Scalar(nw.col("x").sum())(table)).run(engine)
    assert made["total"] == sum(range(25_000, 30_000))
    assert len(made["out"].to_polars()) == 5000


def test_a_schema_chooses_columns_and_casts(folder: Path, read: Read) -> None:
    source = ReadParquet(folder, schema={"f": nw.Float32, "a": nw.Int16})
    assert source.schema().dtypes == {"f": nw.Float32(), "a": nw.Int16()}
    found = read(source)
    assert found.schema.names == ["f", "a"] and found.schema.types == [pa.float32(), pa.int16()]
    with pytest.raises(ColumnError, match=r"p0\.parquet: there is no column 'ff'\. Did you mean 'f'\? It has 'a', 'b', 'f'"):
        ReadParquet(folder, schema={"ff": nw.Int8}).schema()


def test_a_declared_column_is_checked_for_missing_values(folder: Path, read: Read) -> None:
    source = ReadParquet(folder, schema={"a": nw.Int64, "b": Field(nw.String(), nullable=False)})
    assert source.schema().not_null == {"b"}
    assert read(source, ["a"]).num_rows == 3
    with pytest.raises(SourceError, match=r"column 'b': expected no missing value, as declared, got 1 of"):
        read(source)


def test_partition_folders_are_columns(tmp_path: Path, read: Read) -> None:
    for where, value in (("year=2020/name=a%20b", 1), ("year=2021/name=__HIVE_DEFAULT_PARTITION__", 2)):
        at = tmp_path / "outer=7" / "t" / where
        at.mkdir(parents=True)
        pq.write_table(pa.table({"v": [value]}), at / "x.parquet")
    root = tmp_path / "outer=7" / "t"
    source = ReadParquet(root)
    assert source.schema().as_json() == [["v", "Int64", False], ["year", "Int64", False], ["name", "String", True]]
    assert read(source).sort_by("v").to_pydict() == {"v": [1, 2], "year": [2020, 2021], "name": ["a b", None]}
    assert read(ReadParquet(f"{root}/year=*"), ["year"]).sort_by("year").to_pydict() == {"year": [2020, 2021]}
    assert read(ReadParquet(root), ["v"], pl.col("v") > 1).to_pydict() == {"v": [2]}
    assert list(ReadParquet(root, hive=False).schema()) == ["v"]
    assert list(ReadParquet(root / "year=2020" / "name=a%20b" / "x.parquet").schema()) == ["v"]


def test_a_partition_without_files_is_pruned_by_its_folder(tmp_path: Path) -> None:
    for year in (2020, 2021):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"v": [1]}), tmp_path / f"year={year}" / "x.parquet")
    source = ReadParquet(tmp_path)
    frame = read_lazy(source, Reading(("v", "year"), pl.col("year") == 2021), source.schema(), str(tmp_path))
    assert frame.collect().to_dict(as_series=False) == {"v": [1], "year": [2021]}


def test_files_of_other_columns_are_named(folder: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), folder / "p2.parquet")
    with pytest.raises(SourceError, match=rf"{folder}/p2\.parquet: expected the columns of .*p0\.parquet, but this file lacks 'f'"):
        ReadParquet(folder).schema()
    pq.write_table(pa.table({"a": ["1"], "b": ["x"], "f": [1.0]}), folder / "p2.parquet")
    with pytest.raises(SourceError, match=r"p2\.parquet, column 'a': expected int64, as in .*p0\.parquet, got string"):
        ReadParquet(folder).schema()


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "a.parquet")
    for schema in (None, {"a": nw.Int64}):
        with pytest.raises(SourceError, match=r"a\.parquet: expected every column once, got 'a' more than once\. Write the file again"):
            ReadParquet(tmp_path, schema=schema).schema()


def test_files_may_order_their_columns_as_they_like(folder: Path, read: Read) -> None:
    pq.write_table(pa.table({"f": [9.0], "b": pa.array(["w"], pa.large_string()), "a": [9]}), folder / "p2.parquet")
    assert read(ReadParquet(folder)).sort_by("a").to_pydict()["f"] == [1.0, None, 3.0, 9.0]


def test_nothing_there_says_what_is(folder: Path) -> None:
    with pytest.raises(SourceError) as caught:
        ReadParquet(folder / "p3.parquet").schema()
    assert str(caught.value) == (
        f"Expected parquet files at '{folder}/p3.parquet', got nothing there; the folder '{folder}' holds "
        "'.hidden.parquet', '_SUCCESS', 'p0.parquet', 'p1.parquet'. Did you mean 'p1.parquet'? Check the path."
    )
    with pytest.raises(SourceError, match=r"Expected parquet files at '.*/q\*\.parquet', got nothing there; the folder"):
        ReadParquet(f"{folder}/q*.parquet").schema()
    (folder / "sub").mkdir()
    (folder / "sub" / "a.csv").touch()
    with pytest.raises(SourceError, match=r"Expected parquet files \('\.parquet', .*\) in the folder '.*sub', got 'a\.csv'"):
        ReadParquet(folder / "sub").schema()
    with pytest.raises(UsageError, match="got an empty list"):
        ReadParquet([]).schema()


@pytest.mark.parametrize("kept", [0, 3, 40, -10])
def test_a_file_cut_short_is_named(folder: Path, kept: int) -> None:
    path = folder / "p0.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        SourceError, match=rf"{path}: expected a whole parquet file, got one that cannot be read: .*Fetch or write it again"
    ):
        ReadParquet(folder).schema()


def test_a_changed_file_is_read_again(folder: Path) -> None:
    assert ReadParquet(folder).known_rows() == 3
    pq.write_table(pa.table({"a": [3] * 5, "b": ["z"] * 5, "f": [3.0] * 5}), folder / "p1.parquet")
    assert ReadParquet(folder).known_rows() == 7


def test_a_type_without_a_dtype_is_named_and_can_be_left_out(tmp_path: Path, read: Read) -> None:
    table = pa.table({"a": [1], "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8()))})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"x\.parquet: Column 'm': Expected an Arrow type that has a dtype here, got map"):
        ReadParquet(tmp_path).schema()
    assert read(ReadParquet(tmp_path, schema={"a": nw.Int64})).to_pydict() == {"a": [1]}


def test_remote_files_are_downloaded_with_their_partition_folders(read: Read) -> None:
    fs = fsspec.filesystem("memory")
    content = io.BytesIO()
    pq.write_table(pa.table({"v": [1, 2]}), content)
    fs.pipe({"/lake/t/k=1/x.parquet": content.getvalue(), "/lake/t/k=2/x.parquet": content.getvalue()})
    for path in ("memory://lake/t", "memory://lake/t/k=*/x.parquet"):
        source = ReadParquet(path)
        assert source.known_rows() == 4
        assert sorted(read(source).to_pydict()["k"]) == [1, 1, 2, 2]
    with pytest.raises(SourceError, match=r"Expected parquet files at 'memory://lake/u', got nothing there.*'t'"):
        ReadParquet("memory://lake/u").schema()


def test_a_missing_file_system_names_its_package() -> None:
    for protocol, package in (("s3", "s3fs"), ("gs", "gcsfs")):
        with pytest.raises(MissingExtraError, match=rf"'{protocol}://b/x\.parquet' needs the package {package}.*pip install {package}"):
            ReadParquet(f"{protocol}://b/x.parquet").schema()
    with pytest.raises(UsageError, match=r"Expected an address that fsspec knows, got 'memry://x'\. Did you mean 'memory'"):
        ReadParquet("memry://x").schema()


def test_real_tables(shared_data: Path, read: Read) -> None:
    source = ReadParquet(shared_data / "tpch_sf0.01" / "lineitem.parquet")
    assert source.known_rows() == 60175
    found = read(source, ["l_shipdate", "l_quantity"])
    assert found.num_rows == 60175 and found.column_names == ["l_shipdate", "l_quantity"]


def test_conformance_files_are_read_or_refused(shared_data: Path, tmp_path: Path, engine: str) -> None:
    with zipfile.ZipFile(shared_data / "parquet_testing.zip") as archive:
        archive.extractall(tmp_path)
    files = sorted(tmp_path.rglob("*.parquet"))
    refused = {}
    for path in files:
        try:
            found = gp.Pipeline("p", out=ReadParquet(path, nan_as_null=False).node()).run(engine)["out"].to_arrow()
        except GpupipeError as error:  # nothing else may come, however the file is broken
            refused[path.name] = str(error)
            continue
        if path.name == "ARROW-RS-GH-6229-LEVELS.parquet":  # which pyarrow does not read; DuckDB does
            assert duckdb.sql(f"FROM '{path}'").fetchall() == [tuple(row.values()) for row in found.to_pylist()]
            continue
        wanted = plain_table(pq.read_table(path))
        assert found.column_names == wanted.column_names
        for name in wanted.column_names:  # as texts: some times are none of Python's
            assert str(plain_table(found)[name].combine_chunks()) == str(wanted[name].combine_chunks()), (path, name)
    maps = ("large_string_map.brotli", "map_no_value", "nonnullable.impala", "nullable.impala")
    broken = ("ARROW-RS-GH-6229-DICTHEADER", "incorrect_map_schema", "nation.dict-malformed", "unknown-logical-type")
    assert len(files) == 40 and (engine in ON_DEVICES or set(refused) == {f"{name}.parquet" for name in (*maps, *broken)})
    for name, told in refused.items():
        assert name in told and ("could not be read" in told or "expected a whole" in told or "Expected an Arrow type" in told), told


ZONES = ("+01:00", "+05:30", "-03:30", "Z", "+0530", "Nowhere/Else")


def test_times_in_zones_without_a_name_are_times_in_utc(tmp_path: Path, read: Read, engine: str) -> None:
    moments = [dt.datetime(2020, 1, 1, 12), None, dt.datetime(1950, 6, 30, 23, 59)]
    named = pa.array(moments, pa.timestamp("us", "Asia/Kolkata"))
    for zone in ZONES if engine == "cpu" else ZONES[1:2]:
        times = pa.array(moments, pa.timestamp("us", zone))
        nested = pa.array([[moments[0]], [], None], pa.list_(pa.timestamp("us", zone)))
        table = pa.table({"a": times, "b": [1, 2, 3], "n": named, "l": nested})
        path = tmp_path / zone.replace("/", "") / "k=7"
        path.mkdir(parents=True)
        pq.write_table(table, path / "a.parquet", row_group_size=2)
        pa.feather.write_feather(table, path / "a.arrow", compression="uncompressed")
        for source in (ReadParquet(path.parent), ReadArrow(path), FromArrow(table)):
            found = read(source)
            assert found.schema.field("a").type == pa.timestamp("us", "UTC") == found.schema.field("l").type.value_type
            assert found.schema.field("n").type == pa.timestamp("us", "Asia/Kolkata")
            utc = [None if moment is None else moment.replace(tzinfo=dt.UTC) for moment in moments]
            assert found["a"].to_pylist() == utc and found["l"].to_pylist() == [utc[:1], [], None]
            assert source.schema()["a"].dtype == nw.Datetime("us", "UTC")
        assert read(ReadParquet(path.parent))["k"].to_pylist() == [7] * 3
        assert read(ReadParquet(path, schema={"b": nw.Int64}, hive=False)).to_pydict() == {"b": [1, 2, 3]}


def test_files_that_write_one_dtype_in_different_ways(tmp_path: Path, read: Read) -> None:
    day = dt.date(2020, 1, 1)
    pairs = {
        "text": (pa.array(["z"]), pa.array(["x"]).dictionary_encode(), pa.array([None], pa.null()), pa.array(["y"], pa.large_string())),
        "null": (pa.array([None], pa.null()), pa.array(["x"])),
        "day": (pa.array([day]), pa.array([day], pa.date64())),
        "time": (pa.array([dt.time(1)], pa.time32("s")), pa.array([dt.time(2)], pa.time64("ns"))),
        "float": (pa.array([1.5], pa.float32()), pa.array([0.5], pa.float16())),
        "texts": (pa.array([["z"]]), pa.array([["x"]], pa.list_(pa.dictionary(pa.int8(), pa.string())))),
        "moment": (pa.array([1], pa.timestamp("ms", "UTC")), pa.array([2], pa.timestamp("s", "+01:00"))),
    }
    for name, arrays in pairs.items():
        (tmp_path / name).mkdir()
        for number, array in enumerate(arrays):
            pq.write_table(pa.table({"b": [number], "a": array}), tmp_path / name / f"{number}.parquet")
            pa.feather.write_feather(pa.table({"a": array}), tmp_path / name / f"{number}.arrow")
        wanted = pa.concat_tables([plain_table(pa.table({"a": array})) for array in arrays])["a"]
        for source in (ReadParquet(tmp_path / name), ReadArrow(tmp_path / name)):
            assert read(source, ["a"])["a"].to_pylist() == wanted.to_pylist(), name


def test_a_column_without_a_name_is_refused_unless_it_is_left_out(tmp_path: Path, read: Read) -> None:
    table, path = pa.table({"": [1], "a": [2]}), tmp_path / "a.parquet"
    pq.write_table(table, path)
    pa.feather.write_feather(table, tmp_path / "a.arrow")
    for source in (ReadParquet(path), ReadArrow(tmp_path / "a.arrow"), FromArrow(table), FromFrame(pl.DataFrame({"": [1]}))):
        with pytest.raises(GpupipeError, match=r"Expected a name for every column, got one that is ''\. Rename it, "):
            gp.Pipeline("p", out=source.node()).check()
    assert read(ReadParquet(path, schema={"a": nw.Int64})).to_pydict() == {"a": [2]}


def test_text_in_folders_is_text_where_it_is_declared(tmp_path: Path, engine: str) -> None:
    table = FromArrow(pa.table({"area": ["007", "01", "2020-01-01", None], "v": [1, 2, 3, 4]})).node()
    gp.Pipeline("w", out=gp.WriteParquet(tmp_path / "out", partition_by="area")(table)).run("cpu")
    source = ReadParquet(tmp_path / "out", schema={"area": nw.String, "v": nw.Int64}).node()
    kept = gp.Filter(nw.col("area") == "007")(source)
    made = gp.Pipeline("r", out=source, kept=kept).run(engine)
    assert sorted(made["out"].to_polars().rows(), key=str) == [("007", 1), ("01", 2), ("2020-01-01", 3), (None, 4)]
    assert made["kept"].to_polars().rows() == [("007", 1)]


def test_a_footer_that_counts_other_rows_than_its_groups_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3]}), whole, store_schema=False)
    for count in (0, 1):
        path = tmp_path / "n.parquet"
        path.write_bytes(whole.getvalue().replace(b"\x16\x06\x19", bytes([0x16, 2 * count, 0x19])))
        with pytest.raises(SourceError, match=rf"n\.parquet: expected a footer that counts the rows of its 1 row groups, 3, got {count}\."):
            gp.Pipeline("p", n=gp.Scalar(nw.len())(ReadParquet(path).node())).check()

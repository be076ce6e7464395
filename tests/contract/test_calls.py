"""Every call that gpupipe makes into RAPIDS fits the signature that the installed packages have, and every call is known here.

A function's name is found in the source by itself. Of a method only the name is: it must stand below, either with the classes it is
called on, which must have it and take these arguments, or among those of other libraries.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("contract_calls", Path(__file__).with_name("calls.py"))
assert _SPEC is not None and _SPEC.loader is not None
calls = importlib.util.module_from_spec(_SPEC)
sys.modules["contract_calls"] = calls
_SPEC.loader.exec_module(calls)

SERIES, FRAME, ARRAY = "cudf.Series", "cudf.DataFrame", "cupy.ndarray"
GROUPED = "cudf.core.groupby.groupby.DataFrameGroupBy"
LIMITING = "rmm.mr.LimitingResourceAdaptor"
CLIENT = "distributed.Client"
BOOSTED = ("xgboost.XGBClassifier", "xgboost.XGBRegressor")
COLUMN, TABLE, NAMED = "pylibcudf.Column", "pylibcudf.Table", "pylibcudf.io.types.ColumnInMetadata"
WRITER = "pylibcudf.io.parquet.ChunkedParquetWriterOptionsBuilder"
LIKE_SERIES, LIKE_EXPR = "narwhals._pandas_like.series.PandasLikeSeries", "narwhals._pandas_like.expr.PandasLikeExpr"
NODES, IMPLEMENTATION = "narwhals._expression_parsing.ExprMetadata", "narwhals.utils.Implementation"
LEARNERS = ("cuml.LogisticRegression", "cuml.RandomForestClassifier")
# Methods of RAPIDS' classes, with the classes that gpupipe calls them on.
METHODS: dict[str, tuple[str, ...]] = {
    "MultinomialNB": (),
    "_is_simple": ("narwhals._pandas_like.group_by.PandasLikeGroupBy",),
    "_with_native": (LIKE_SERIES,),
    "access": ("cudf.core.column.column.ColumnBase",),
    "aggregate": ("pylibcudf.groupby.GroupBy",),
    "alias": (LIKE_SERIES,),
    "any": (SERIES,),
    "argmax": (ARRAY,),
    "as_current": (CLIENT,),
    "as_sklearn": ("cuml.KMeans", *LEARNERS),
    "assign": (FRAME,),
    "astype": (SERIES, ARRAY),
    "build": (WRITER,),
    "columns": (TABLE,),
    "compression": (WRITER,),
    "copy": (SERIES,),
    "data": (COLUMN,),
    "drop_duplicates": (FRAME,),
    "factorize": (SERIES,),
    "fillna": (SERIES,),
    "floor": ("cudf.core.series.DatetimeProperties",),
    "free_all_blocks": ("cupy.cuda.MemoryPool",),
    "from_sklearn": ("cuml.KMeans", *LEARNERS),
    "get_allocated_bytes": (LIMITING,),
    "get_allocation_limit": (LIMITING,),
    "get_booster": BOOSTED,
    "get_combined_model": ("cuml.dask.cluster.KMeans", "cuml.dask.linear_model.Ridge"),
    "get_params": (*BOOSTED, *LEARNERS, "cuml.KMeans"),
    "groupby": (FRAME,),
    "hash_values": (SERIES,),
    "id": ("pylibcudf.DataType",),
    "inplace_predict": ("xgboost.Booster",),
    "is_cudf": (IMPLEMENTATION,),
    "isna": (SERIES,),
    "iter_nodes_reversed": (NODES,),
    "memory_usage": (FRAME,),
    "merge": (FRAME,),
    "metadata": (WRITER,),
    "nans_to_nulls": (FRAME,),
    "ngroup": (GROUPED,),
    "notna": (SERIES,),
    "null_count": (COLUMN,),
    "nunique": (SERIES,),
    "op_nodes_reversed": (NODES,),
    "predict": ("cuml.KMeans", *LEARNERS),
    "predict_proba": LEARNERS,
    "ravel": (ARRAY,),
    "reindex": (FRAME,),
    "rename": (FRAME,),
    "reset_index": (SERIES, FRAME),
    "row_group_size_rows": (WRITER,),
    "run": (CLIENT,),
    "scheduler_info": (CLIENT,),
    "set_decimal_precision": (NAMED,),
    "set_encoding": (NAMED,),
    "set_name": (NAMED,),
    "set_nullability": (NAMED,),
    "set_param": ("xgboost.Booster",),
    "set_params": BOOSTED,
    "size": (COLUMN,),
    "sort_values": (FRAME,),
    "spill_device_memory": ("cudf.core.buffer.spill_manager.SpillManager",),
    "stats_level": (WRITER,),
    "strftime": ("cudf.core.series.DatetimeProperties",),
    "sum": (SERIES, ARRAY),
    "synchronize": ("cupy.cuda.Device",),
    "to_arrow": (FRAME,),
    "to_cupy": (SERIES,),
    "to_py": ("pylibcudf.Scalar",),
    "transform": ("cuml.KMeans", "cuml.PCA"),
    "type": (COLUMN, "pylibcudf.Scalar"),
    "view": (ARRAY,),
    "where": (SERIES,),
    "write_arrow_schema": (WRITER,),
}
# Methods of gpupipe's own classes and of libraries that ordinary tests run.
OTHERS = frozenset(
    """ActivityMemcpyKind __getattribute__ __init__ activity_enable activity_flush_all activity_register_callbacks add add_note adopted
    append bit_length brought cast clone close collect combine_chunks count cross csr_matrix declared_not_null drop_columns
    empty_table encode enter_context expected_mutual_information explain fall_back features field fit fromkeys function get held hex
    index is_float is_integer is_numeric isascii items join lazy letters literal longest lower make_room n_bytes numbers open origin
    partition pop read readinto refuse removeprefix replace reshape result reverse scan scan_piece seek serialize short solve spans
    startswith stat strip submit take takes_nan_as_null texts to_device to_host to_list to_native to_numpy to_pylist to_series tolist
    upper values with_columns with_type without_first write wrote""".split()  # noqa: SIM905
)
KERNELS = ("rolling.py", "scores.py", "scores_clusters.py", "xxh64.py")  # which take CuPy's module, or its arrays
FILES = [*(path for engine in calls.ENGINES for path in sorted(engine.glob("*.py"))), *(calls.KERNELS / name for name in KERNELS)]
FOUND = [call for path in FILES for call in calls.calls_of(path)]
FUNCTIONS = [call for call in FOUND if not call.is_method and call.name.split(".")[0] in calls.RAPIDS]
METHODS_FOUND = [
    call for call in FOUND if call.is_method and not call.is_own and (calls.ROOT / call.where.split(":")[0]).parent in calls.ENGINES
]


def label(call: object) -> str:
    """Return how a test names a call."""
    return f"{call.name}-{call.where.rpartition('/')[2]}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("call", FUNCTIONS, ids=label)
def test_functions(call: object) -> None:
    found = calls.resolve(call.name)  # type: ignore[attr-defined]
    signature = calls.signature_of(call.name, found)  # type: ignore[attr-defined]
    assert signature is not None, f"{call} has no signature that a program can read: enter what its source says in calls.py, WRITTEN"
    call.bind(signature, bound=False)  # type: ignore[attr-defined]


@pytest.mark.parametrize("call", METHODS_FOUND, ids=label)
def test_methods(call: object) -> None:
    name = call.name  # type: ignore[attr-defined]
    assert name in METHODS or name in OTHERS, f"{call}: enter in METHODS on which classes of RAPIDS it is called, or add it to OTHERS"
    for owner in METHODS.get(name, ()):
        found = getattr(calls.resolve(owner), name)
        signature = calls.signature_of(f"{owner}.{name}", found)
        assert signature is not None, f"{owner}.{name} has no signature: enter what its source says in calls.py, WRITTEN"
        is_bound = inspect.ismethod(found)  # a class method
        call.bind(signature, bound=not is_bound)  # type: ignore[attr-defined]


def test_no_entry_is_idle() -> None:
    called = {call.name for call in METHODS_FOUND}
    idle = sorted((set(METHODS) | OTHERS) - called)
    assert not idle, f"nobody calls {idle} any more: strike them"


def test_what_is_referred_to_is_there() -> None:
    references = {(where, name) for path in FILES for where, name in calls.references_of(path)}
    assert len(references) > 40
    missing = []
    for where, name in sorted(references):
        try:
            calls.resolve(name)
        except (AttributeError, ImportError) as error:
            missing.append(f"{where}: {name}: {error}")
    assert not missing, "\n".join(["", *missing])


def test_a_call_that_does_not_fit_is_found(tmp_path: Path) -> None:
    path = calls.ROOT / "gpupipe" / "engines" / "cudf" / "frames.py"
    wrong, *_ = [call for call in calls.calls_of(path) if call.name == "cudf.DataFrame.from_arrow"]
    signature = calls.signature_of(wrong.name, calls.resolve(wrong.name))
    for keywords, n_positional in ((("tabel",), 0), ((), 2)):
        call = calls.Call(wrong.where, wrong.name, False, n_positional, keywords, False)
        with pytest.raises(TypeError):
            call.bind(signature, bound=False)
    reader = calls.Call("x", "cudf.read_parquet", False, 1, ("colums",), False)
    with pytest.raises(TypeError, match="no parameter"):
        reader.bind(calls.signature_of("cudf.read_parquet", calls.resolve("cudf.read_parquet")), bound=False)

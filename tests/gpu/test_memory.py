"""One pool, spilling, and tables larger than what the run may take; each in a process of its own, since a process has one pool."""

from __future__ import annotations

import subprocess
import sys

SMALL = """
import narwhals.stable.v2 as nw, numpy as np, polars as pl, gpupipe as gp
from gpupipe.core.engine import EngineOptions
n = 20_000_000                                             # 320 MB
rows = pl.DataFrame({"k": np.arange(n) % 1000, "x": np.arange(n, dtype=np.float64)})
table = gp.FromFrame(rows).node()
made = table
for number in range(6):                                     # each stage adds 160 MB
    made = gp.WithColumns(**{f"y{number}": nw.col("x") * number})(made)
made = gp.GroupBy("k", total=nw.col("y5").sum())(made)
got = gp.Pipeline("large", n=gp.Scalar(nw.col("total").sum())(made)).run("gpu", options=EngineOptions(pool_bytes=LIMIT))["n"]
assert got == 5 * (n - 1) * n / 2, got
print("ok")
"""
SHARED = """
import cupy as cp, cudf, rmm
from gpupipe.engines.load import load_engine
load_engine("gpu")
resource = rmm.mr.get_current_device_resource()
before = cp.empty(1 << 24, dtype=cp.uint8)
assert cp.cuda.get_allocator().__name__ == "rmm_cupy_allocator"
assert cudf.get_option("spill") is True
stack = []
while resource is not None:
    stack.append(type(resource).__name__)
    resource = getattr(resource, "upstream_mr", None) or getattr(resource, "get_upstream", lambda: None)()
assert "CudaAsyncMemoryResource" in stack and "ManagedMemoryResource" not in stack, stack
print("ok")
"""


def printed(program: str) -> str:
    """Return what a program prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_table_larger_than_the_pool_completes() -> None:
    assert printed(SMALL.replace("LIMIT", str(1_200_000_000))) == "ok"


def test_libraries_share_one_pool_and_it_is_not_managed() -> None:
    assert printed(SHARED) == "ok"

from __future__ import annotations

from importlib.util import find_spec

import dask
import distributed
import pytest

from gpupipe.core.errors import ClusterError
from gpupipe.engines._cuda import why_not
from gpupipe.engines.dask_cuda.clusters import Device, are_shared, devices_of, least_share, local_options


@pytest.mark.parametrize(("scheme", "protocol"), [("ucx", "ucx"), ("ucxx", "ucxx"), ("tcp", None)])
def test_ucx_is_taken_where_dask_is_told_so(scheme: str, protocol: str | None) -> None:
    with dask.config.set({"distributed.comm.default-scheme": scheme}):
        assert local_options(3)["protocol"] == protocol


def test_workers_of_one_device_share_its_memory() -> None:
    shared = {"a": Device("x", 100), "b": Device("x", 100), "c": Device("y", 70)}
    assert (least_share(shared), are_shared(shared)) == (50, True)
    own = {"a": Device("x", 100), "c": Device("y", 70)}
    assert (least_share(own), are_shared(own)) == (70, False)


@pytest.mark.skipif(why_not() is None or find_spec("cupy") is not None, reason="workers here have CuPy")
def test_workers_without_a_device_are_told(two_workers: str) -> None:
    with (
        distributed.Client(two_workers, set_as_default=False) as client,
        pytest.raises(
            ClusterError, match=r"^The worker at tcp://\S+ has no GPU that can be used: ModuleNotFoundError: No module named 'cupy'"
        ),
    ):
        devices_of(client)

"""Whether a GPU engine can run here, told without importing RAPIDS: the driver, a device, the packages.

The driver is asked through its own library, ``libcuda.so.1``, which needs no package.
"""

from __future__ import annotations

import ctypes
import importlib.util
from dataclasses import dataclass

from gpupipe.core.extras import pip_install

# Module and package; what engine `gpu` cannot do without, in the order in which it needs them.
NEEDED = (("cupy", "cupy-cuda{0}x"), ("rmm", "rmm-cu{0}"), ("pylibcudf", "pylibcudf-cu{0}"), ("cudf", "cudf-cu{0}"))
# What engine `dask-cuda` needs besides.
NEEDED_ON_CLUSTERS = (("distributed", "distributed"), ("dask_cudf", "dask-cudf-cu{0}"), ("dask_cuda", "dask-cuda"))
OLDEST_DRIVER = 12000  # CUDA 12.0, as the driver counts
WITH_CUDA_13 = 13000


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver says: its CUDA version (13020 is 13.2), how many devices there are, and what is wrong, if anything is."""

    version: int = 0
    n_devices: int = 0
    wrong: str | None = None


def ask_driver(library: str = "libcuda.so.1") -> Driver:
    """Return what the driver says of itself and its devices; not having one is an answer, too.

    Source: CUDA Driver API, sections "Initialization", "Version Management" and "Device Management".

    Examples
    --------
    >>> ask_driver("libno-such-driver.so").wrong
    'there is no NVIDIA driver (libno-such-driver.so is not found)'
    """
    try:
        cuda = ctypes.CDLL(library)
    except OSError:
        return Driver(wrong=f"there is no NVIDIA driver ({library} is not found)")
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if code := cuda.cuInit(0):
        return Driver(version.value, wrong=f"the NVIDIA driver does not start (cuInit gave error {code})")
    if code := cuda.cuDeviceGetCount(ctypes.byref(count)):
        return Driver(version.value, wrong=f"the NVIDIA driver does not list its devices (cuDeviceGetCount gave error {code})")
    if count.value == 0:
        return Driver(version.value, wrong="the NVIDIA driver sees no device (look at CUDA_VISIBLE_DEVICES)")
    if version.value < OLDEST_DRIVER:
        return Driver(version.value, count.value, f"the NVIDIA driver is of CUDA {_dotted(version.value)}, and RAPIDS needs 12.0 or newer")
    return Driver(version.value, count.value)


def _dotted(version: int) -> str:
    """Return a driver's CUDA version as people write it."""
    return f"{version // 1000}.{version % 1000 // 10}"


def missing_packages(*, on_cluster: bool = False) -> list[str]:
    """Return the modules that engine `gpu`, or on a cluster `dask-cuda`, needs and that are not installed."""
    needed = (*NEEDED, *NEEDED_ON_CLUSTERS) if on_cluster else NEEDED
    return [module for module, _ in needed if importlib.util.find_spec(module) is None]


def wants(driver: Driver) -> str:
    """Return the extra whose packages fit the driver; of CUDA 13 where there is none.

    Examples
    --------
    >>> wants(Driver(12080, 1)), wants(Driver(13000, 1)), wants(Driver())
    ('cu12', 'cu13', 'cu13')
    """
    return "cu12" if OLDEST_DRIVER <= driver.version < WITH_CUDA_13 else "cu13"


def why_not(driver: Driver | None = None, *, on_cluster: bool = False) -> str | None:
    """Return in one sentence what engine `gpu` lacks here and what to do, or None where it has everything.

    Parameters
    ----------
    on_cluster
        Whether it is engine `dask-cuda` that is asked for.

    Examples
    --------
    >>> lacks = why_not(Driver(wrong="there is no NVIDIA driver (libcuda.so.1 is not found)"))
    >>> lacks is not None and lacks.startswith("there is no NVIDIA driver")
    True
    """
    driver = ask_driver() if driver is None else driver
    packages = missing_packages(on_cluster=on_cluster)
    if driver.wrong is None and not packages:
        return None
    told = [driver.wrong] if driver.wrong is not None else []
    todo = ["Install NVIDIA's driver, or run on a machine with a GPU; without one, use engine 'cpu'."] if driver.wrong is not None else []
    if packages:
        told.append(
            f"the Python package{'s' if len(packages) > 1 else ''} {', '.join(packages)} {'are' if len(packages) > 1 else 'is'} missing"
        )
        todo.append(f"Run: {pip_install(wants(driver))}")
    return f"{', and '.join(told)}. {' '.join(todo)}"

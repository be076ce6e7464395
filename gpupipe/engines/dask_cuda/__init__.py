"""Engine ``dask-cuda``: blocks of rows on workers that have a GPU each; see `gpupipe.engines.dask` for what it shares with ``dask``."""

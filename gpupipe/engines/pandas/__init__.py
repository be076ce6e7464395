"""Engine ``pandas``: pandas frames with Arrow dtypes; the block engine of ``dask`` and the CPU twin of cuDF."""

"""Engine ``dask``: blocks of rows on many workers, each of them a pandas frame with Arrow dtypes."""

"""Engine ``dask``: blocks of rows on many workers, each worked by engine ``cpu``."""

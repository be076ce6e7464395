"""Engine ``cpu``: Polars, lazy and streaming."""

"""How engine `dask-cuda` does tasks, a task a file."""

"""How engine `dask` does tasks, a task a file."""

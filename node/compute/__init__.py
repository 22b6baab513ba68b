"""Where the pipeline runs: processes of this machine, or a Dask cluster."""

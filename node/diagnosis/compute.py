"""Whether the pipeline can run where `[compute]` says: the cluster, and the GPU."""

from collections.abc import Iterator

from config.sections.compute import ComputeSection
from node.compute.dask_engine import count_workers
from node.diagnosis.finding import Finding, Verdict, found

NO_GPU = "torch sees no GPU: studies are segmented on the processors, in more time; install its driver, or set "


def diagnose_compute(compute: ComputeSection) -> Iterator[Finding]:
    """Examine the Dask cluster, or the GPU of this machine, where the settings name one."""
    if compute.engine == "dask":
        yield _cluster(compute.scheduler)
    elif compute.device == "cuda":
        yield _gpu()


def _cluster(scheduler: str) -> Finding:
    name = "dask"
    workers = 0

    def look() -> str:
        nonlocal workers
        workers = count_workers(scheduler)
        return f"{scheduler} has {workers} workers"

    finding = found(name, look)
    if finding.verdict is Verdict.OK and not workers:
        return Finding(name, Verdict.WARNING, f"{scheduler} has no worker, and studies wait; start `dask worker`")
    return finding


def _gpu() -> Finding:
    from pipeline.segmentation.gpu import gpu_name  # noqa: PLC0415 - torch takes a second

    if name := gpu_name():
        return Finding("gpu", Verdict.OK, name)
    return Finding("gpu", Verdict.WARNING, f'{NO_GPU}compute.device = "cpu"')

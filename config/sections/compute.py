"""Where the pipeline runs, and with which model."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.sections.base import Section

Device = Literal["cpu", "cuda"]
"""Where a network is computed."""


class ComputeSection(Section):
    """Where the pipeline runs."""

    engine: Literal["local", "dask"] = "local"
    """A process pool on this machine, or a Dask cluster."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Studies analysed at once by the local engine."""
    scheduler: str = ""
    """Address of the Dask scheduler, tcp://host:port."""
    device: Device = "cpu"
    """Where liver and tumour are segmented: on the processors, or on an NVIDIA GPU. Where that is absent, busy or
    full, a study is segmented on the processors, with a warning SEG-DEVICE in the log."""
    timeout_s: Annotated[float, Field(gt=0)] = 1800.0
    """An analysis that takes longer hangs: it is ended and tried again, s."""
    memory_bytes: Annotated[int, Field(ge=0)] = 8_000_000_000
    """A worker process of this machine that takes more is ended, and its study tried again; 0: no limit. A study
    of full size takes 2.6 GB; the workers of a cluster are limited by the cluster."""

    @model_validator(mode="after")
    def _dask_needs_a_scheduler(self) -> "ComputeSection":
        if self.engine == "dask" and not self.scheduler:
            raise ValueError('engine = "dask" needs scheduler = "tcp://host:8786"')
        return self


class ModelSection(Section):
    """Which model bundle is used."""

    active: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "phantom-demo"
    """Name of the bundle."""
    folder: Path | None = None
    """Folder of installed bundles; empty: `node.storage`/models, then the bundled ones."""
    require_signature: bool = False
    """Whether a bundle is used only where a key of `trusted_keys` signed it; the bundled ones come with the
    software and need no signature."""
    trusted_keys: tuple[Path, ...] = ()
    """Ed25519 public keys of those who may sign bundles, PEM files."""

    @model_validator(mode="after")
    def _a_signature_needs_a_key(self) -> "ModelSection":
        if self.require_signature and not self.trusted_keys:
            raise ValueError("require_signature needs trusted_keys, the public keys of those who may sign")
        return self

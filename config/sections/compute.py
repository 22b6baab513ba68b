"""Where the pipeline runs, and with which model."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.sections.base import Section


def _dask_without_scheduler(section: "ComputeSection") -> str:
    wanting = section.engine == "dask" and not section.scheduler
    return 'engine = "dask" needs scheduler = "tcp://host:8786"' if wanting else ""


def _signature_without_key(section: "ModelSection") -> str:
    wanting = section.require_signature and not section.trusted_keys
    return "require_signature needs trusted_keys, the public keys of those who may sign" if wanting else ""


def scheduler_address(value: str) -> str:
    """Return the address of a Dask scheduler, or an empty text."""
    if value and not re.fullmatch(r"(tcp|tls)://\S+:[0-9]+", value):
        raise ValueError("must be an address such as tcp://host:8786")
    return value


Device = Literal["cpu", "cuda"]
"""Where a network is computed."""


class ComputeSection(Section):
    """Where the pipeline runs."""

    key_rules = (_dask_without_scheduler,)

    engine: Literal["local", "dask"] = "local"
    """A process pool on this machine, or a Dask cluster."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Studies analysed at once; with Dask the number of its workers."""
    scheduler: Annotated[str, AfterValidator(scheduler_address)] = ""
    """Address of the Dask scheduler, tcp://host:port."""
    device: Device = "cpu"
    """Where liver and tumour are segmented: on the processors, or on an NVIDIA GPU. Where that is absent, busy or
    full, a study is segmented on the processors, with a warning SEG-DEVICE in the log."""
    timeout_s: Annotated[float, Field(gt=0)] = 1800.0
    """An analysis that takes longer hangs: it is ended and tried again, s."""
    memory_bytes: Annotated[int, Field(ge=0)] = 8_000_000_000
    """A worker process of this machine that takes more is ended, and its study tried again; 0: no limit. A study
    of full size takes 2.8 GB; the workers of a cluster are limited by the cluster."""


class ModelSection(Section):
    """Which model bundle is used."""

    key_rules = (_signature_without_key,)

    active: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "phantom-demo"
    """Name of the bundle."""
    folder: Path | None = None
    """Folder of installed bundles; empty: `node.storage`/models, then the bundled ones."""
    require_signature: bool = False
    """Whether a bundle is used only where a key of `trusted_keys` signed it; the bundled ones come with the
    software and need no signature."""
    trusted_keys: tuple[Path, ...] = ()
    """Ed25519 public keys of those who may sign bundles, PEM files."""

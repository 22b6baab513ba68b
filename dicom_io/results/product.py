"""Who wrote a result: the equipment that every object names, and the notice that every object bears."""

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from pydicom.dataset import Dataset

from dicom_io.results.uids import derive_uid
from pipeline.analysis import ModelIdentity

MANUFACTURER = "mvi-node"
MODEL_NAME = "MVI node"
CREATOR_NAME = "mvi-node^AI"
RESEARCH_NOTICE = "For research use only. Not a medical device."
NO_MODEL = "none"

LONG_STRING = 64
"""Longest value of VR LO, characters (PS3.5 6.2)."""


@dataclass(frozen=True)
class Product:
    """The software and model behind one result.

    Parameters
    ----------
    software_version
        Of this node.
    model
        None where a study was refused before any model was loaded.
    """

    software_version: str
    model: ModelIdentity | None

    @classmethod
    def current(cls, model: ModelIdentity | None) -> "Product":
        """Describe the installed node with `model`."""
        return cls(version("mvi-node"), model)

    @property
    def software_versions(self) -> list[str]:
        """Values of Software Versions (0018,1020): node, model, checksum."""
        if self.model is None:
            return [f"mvi-node {self.software_version}"]
        return [
            f"mvi-node {self.software_version}",
            f"{self.model.name} {self.model.version}"[:LONG_STRING],
            # Both prefix and 64 digits do not fit VR LO; the digits alone do.
            self.model.sha256[:LONG_STRING],
        ]

    @property
    def serial_number(self) -> str:
        """Value of Device Serial Number: software has none, so the model checksum stands for it."""
        return NO_MODEL if self.model is None else self.model.sha256[:LONG_STRING]

    @property
    def device_uid(self) -> str:
        """UID of this version of the software as an observer."""
        return derive_uid("device", MODEL_NAME, self.software_version)


def stamp(ds: Dataset, product: Product, now: datetime) -> None:
    """Name the software, and overwrite every date and time that a library took from the clock with `now`."""
    ds.SoftwareVersions = product.software_versions
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    ds.InstanceCreationDate, ds.InstanceCreationTime = date, time
    ds.ContentDate, ds.ContentTime = date, time
    ds.SeriesDate, ds.SeriesTime = date, time
    for item in ds.get("ContributingEquipmentSequence", []):
        item.pop("ContributionDateTime", None)

"""Who wrote a result: the equipment that every object names, and the notice that every object bears."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
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

_OFFSET = re.compile(r"([+-])(\d{2})([0-5]\d)")


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
    """Name the software, and overwrite every date and time that a library took from the clock with `now`.

    Parameters
    ----------
    ds
        Already has the patient and study of its source: where those declare an offset from UTC, it holds for every
        time of the object (PS3.3 C.12.1.1.8), and `now` is written in it.
    now
        Aware.
    """
    ds.SoftwareVersions = product.software_versions
    now = now.astimezone(_declared_zone(ds) or now.tzinfo)
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    ds.InstanceCreationDate, ds.InstanceCreationTime = date, time
    ds.ContentDate, ds.ContentTime = date, time
    ds.SeriesDate, ds.SeriesTime = date, time
    for item in ds.get("ContributingEquipmentSequence", []):
        item.pop("ContributionDateTime", None)


def _declared_zone(ds: Dataset) -> timezone | None:
    """Return Timezone Offset From UTC (0008,0201) as a time zone; None where it is absent or no offset."""
    found = _OFFSET.fullmatch(str(ds.get("TimezoneOffsetFromUTC") or ""))
    if found is None or int(found[2]) > 14:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead if found[1] == "+" else -ahead)

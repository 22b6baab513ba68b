"""Write the phantom studies of a play: each a patient of its own, by whose ID a site finds and deletes it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.simulation.play import Play, StudyFiles

if TYPE_CHECKING:
    from pipeline.phantom import PhantomCase, PhantomSettings

PATIENT_PREFIX = "MVI-ACCEPTANCE"
"""With which the Patient ID of every synthetic patient begins."""
NEXT_SEED = 7
"""From the seed of one patient to that of the next of a play."""
FULL, SMALL = "full", "small"
"""Sizes: pixels as a scanner's, or a quarter of them, which go over a slow line and are analysed alike."""


@dataclass(frozen=True)
class StagedStudy:
    """A phantom study that lies on the disk, ready to be sent.

    Parameters
    ----------
    play, vendor
        How it is sent, and whose scanner wrote it.
    patient_id
        Begins with `PATIENT_PREFIX`.
    truth
        The document of ``truth.json``.
    label_map
        Planted liver and tumour.
    """

    play: Play
    vendor: str
    patient_id: str
    study_instance_uid: str
    files: StudyFiles
    truth: dict[str, Any]
    label_map: Path

    @property
    def code(self) -> str | None:
        """Refusal code that the node must answer; None where it must analyse the study."""
        return self.play.code or self.truth["expected"]["code"]


class Stage:
    """Writes studies into a folder.

    Parameters
    ----------
    run
        What tells the patients of this run from those of every other one.
    seed
        Of the anatomy; the same for every play, as far as it has one patient.
    size
        `FULL` or `SMALL`.
    """

    def __init__(self, folder: Path, run: str, seed: int, size: str) -> None:
        self._folder = folder
        self._run = run
        self._seed = seed
        self._make = _case_maker(size)
        self._written = 0

    def write(self, play: Play, vendor: str) -> tuple[StagedStudy, ...]:
        """Write the studies of a play as the scanner of `vendor` does.

        Raises
        ------
        PhantomRequestError
            The scenario of the play makes no sense for the vendor.
        """
        return tuple(self._study(play, vendor, number) for number in range(play.patients))

    def _study(self, play: Play, vendor: str, number: int) -> StagedStudy:
        from dicom_io.phantom_series import settings_for, write_phantom_study  # noqa: PLC0415 - numerical

        self._written += 1
        patient_id = f"{PATIENT_PREFIX}-{self._run}-{self._written:02d}"
        folder = self._folder / f"{self._written:02d}"
        case = self._make(self._seed + number * NEXT_SEED, settings_for(play.phantom))
        write_phantom_study(case, folder, vendor=vendor, scenario=play.phantom, patient_id=patient_id)
        # Read from the file: what comes back is compared with what anybody can look at.
        truth = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
        uid, files = _files(folder / "dicom", truth)
        label_map = folder / "truth" / "label_map.nii.gz"
        return StagedStudy(play, vendor, patient_id, uid, files, truth, label_map)


def _case_maker(size: str) -> "Callable[[int, PhantomSettings], PhantomCase]":
    from dicom_io.phantom.miniature import coarse  # noqa: PLC0415 - numerical
    from pipeline.phantom import make_case  # noqa: PLC0415 - numerical

    # A case takes seconds, and most plays send the same.
    @lru_cache(maxsize=4)
    def make(seed: int, settings: "PhantomSettings") -> "PhantomCase":
        case = make_case(seed, settings=settings)
        return coarse(case) if size == SMALL else case

    return make


def _files(folder: Path, truth: dict[str, Any]) -> tuple[str, StudyFiles]:
    """Return the Study Instance UID and the instances; a slice of another study among them is sent as well."""
    from dicom_io.network.identity import read_file_identity  # noqa: PLC0415 - with pydicom

    paths = tuple(sorted(folder.rglob("*.dcm")))
    identities = {path: read_file_identity(path).identity for path in paths}
    roles = {
        path: frozenset(
            role
            for role, entry in truth["roles"].items()
            if identity.sop_instance_uid in entry["sop_instance_uids"]
        )
        for path, identity in identities.items()
    }
    chosen = next((path for path in paths if roles[path]), paths[0])
    return identities[chosen].study_instance_uid, StudyFiles(paths, roles)

"""What a cohort file names to a patient, for the offline training; importable by worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from config.analytes import AnalyteRules
from node.cohort.clinical import read_clinical
from node.cohort.studies import StoredStudy
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role, Study

if TYPE_CHECKING:
    from config.series_rules import SeriesRules
    from dicom_io.assembly import MatchResult, ScanResult
    from pipeline.training.cases import PatientCase
    from pipeline.training.sources import Patient
    from pipeline.volume import LabelMap


@dataclass(frozen=True)
class ReadStudy:
    """A study, and the frames of reference of its sequences where they are known."""

    study: Study
    frames_of_reference: Mapping[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CohortReader:
    """Reads patients by the rules of the node.

    Parameters
    ----------
    rules
        Of series matching.
    analytes
        Of the clinical values.
    today
        Day at the site.
    stored
        Studies of the node that the cohort file names, by Study Instance UID.
    """

    rules: "SeriesRules"
    analytes: AnalyteRules
    today: date
    stored: Mapping[str, StoredStudy] = field(default_factory=dict)

    def __call__(self, case: "PatientCase") -> "Patient":
        """Read images, masks and clinical values.

        Raises
        ------
        NoDicomError
            The folder holds none.
        StudyError
            The images are unsuitable, or ``CM-...`` a mask is or a value cannot be understood.
        """
        from pipeline.training.sources import Patient  # noqa: PLC0415 - `--help` needs no array

        values, problems = read_clinical(case.clinical, self.analytes, self.today)
        if problems:
            code, because = problems[0]
            raise unsuitable(code, f"A clinical value is not understood: {because}.", "Correct the cohort file.")
        read = self.study(case)
        masks = {role: self.mask(case, role, read) for role in case.masks}
        self.require_same_tumours(masks, read)
        study = replace(read.study, clinical={**read.study.clinical, **values})
        return Patient(study, masks, read.frames_of_reference)

    def study(self, case: "PatientCase") -> ReadStudy:
        """Read the images: from a folder, from the node's store, or from six files.

        Raises
        ------
        NoDicomError
            The folder holds none.
        StudyError
            They are unsuitable, by their headers or by their pixels, or a role is missing.
        """
        if case.images:
            return ReadStudy(_study_of_files(case.images))
        from dicom_io.assembly import scan_files, scan_folder  # noqa: PLC0415 - `--help` needs no array

        if case.folder is not None:
            return self._assembled(scan_folder(case.folder), StoredStudy(()))
        stored = self.stored.get(case.study or "")
        if stored is None:
            raise unsuitable("CM-STUDY", "The node has no such study.", "Send it to the node, or name its folder.")
        return self._assembled(scan_files(stored.paths), stored)

    def mask(self, case: "PatientCase", role: Role, read: ReadStudy) -> "LabelMap":
        """Read the outline that was drawn on one sequence.

        Raises
        ------
        UnsuitableStudyError
            ``CM-READ``, ``CM-GRID``, ``CM-SEGMENT``, ``CM-EMPTY``, ``CM-MASK``.
        """
        from dicom_io.masks import is_dicom, read_dicom_mask  # noqa: PLC0415 - `--help` needs no array
        from pipeline.lattice import unreadable  # noqa: PLC0415
        from pipeline.training.image_files import read_mask  # noqa: PLC0415
        from pipeline.training.mask_checks import require_meant  # noqa: PLC0415

        path, grid, what = case.masks[role], read.study.volumes[role].grid, f"The mask of {role}"
        if not path.is_file():
            raise unreadable(what, "there is no such file")
        frame = read.frames_of_reference.get(role, "")
        mask = (
            read_dicom_mask(path, grid, what=what, frame_of_reference_uid=frame)
            if is_dicom(path)
            else read_mask(path, grid, what=what)
        )
        require_meant(mask, read.study.volumes[role], what=what)
        return mask

    def require_same_tumours(
        self, masks: "Mapping[Role, LabelMap]", read: ReadStudy, labels: "LabelMap | None" = None
    ) -> None:
        """Check that masks and label map of a patient lie where the others do; ``CM-MASK`` otherwise."""
        from pipeline.training.mask_checks import require_same_tumours  # noqa: PLC0415 - `--help` needs no array

        require_same_tumours(masks, read.frames_of_reference, labels)

    def _assembled(self, scan: "ScanResult", stored: StoredStudy) -> ReadStudy:
        from dicom_io.assembly import assemble, inspect_files, match_studies  # noqa: PLC0415 - as above
        from dicom_io.masks import frame_of_reference  # noqa: PLC0415

        matches = match_studies(scan, self.rules, {stored.study_instance_uid: stored.overrides})
        if len(matches) != 1:
            raise unsuitable(
                "SM-STUDIES",
                f"The folder of the case holds {len(matches)} studies.",
                "Give each examination a folder of its own.",
            )
        match: MatchResult = inspect_files(matches[0], self.rules)
        study = assemble(match, clinical={})
        return ReadStudy(
            study, {found.role: frame_of_reference(found.instances[0].path) for found in match.roles.values()}
        )


def unsuitable(code: str, message: str, remedy: str) -> UnsuitableStudyError:
    """Return the error of a case that cannot be read."""
    return UnsuitableStudyError(code, message, remedy=remedy, stage="assemble")


def _study_of_files(images: Mapping[Role, Path]) -> Study:
    from pipeline.training.image_files import read_volume  # noqa: PLC0415 - `--help` needs no array

    missing = [role.value for role in Role if role not in images]
    if missing:
        raise unsuitable("CM-ROLE", f"The case names no image of {', '.join(missing)}.", "Name all six sequences.")
    return Study({role: read_volume(images[role], what=f"The image of {role}") for role in Role})

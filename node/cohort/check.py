"""`cohort check`: everything that is wrong with every patient, before hours of extraction find it one by one."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from config.errors import NodeError
from node.cohort.clinical import COLUMN, is_further, read_clinical
from node.cohort.reader import CohortReader

if TYPE_CHECKING:
    from pipeline.study import Role
    from pipeline.training.further_columns import FurtherColumn, UnclearColumn
    from pipeline.training.sources import PatientSource
    from pipeline.volume import LabelMap

CASE = "CM-CASE"
"""Code of what a line says and cannot mean."""


@dataclass(frozen=True)
class Problem:
    """One thing to correct; `patient` is the place in the cohort file, never a name."""

    patient: str
    code: str
    message: str


def stated_problems(patients: Sequence["PatientSource"], reader: CohortReader) -> list[Problem]:
    """Find what is wrong with the cohort file itself; no image is read.

    Parameters
    ----------
    patients
        Of the cohort file.
    reader
        Whose rules count.
    """
    names = Counter(patient.case.patient for patient in patients if patient.case.patient)
    places = Counter(place for patient in patients for place in patient.case.places())
    found: list[Problem] = []
    for source in patients:
        case = source.case
        found += [Problem(source.name, CASE, problem) for problem in case.problems]
        if len({path.resolve() for path in case.images.values()}) < len(case.images):
            found.append(Problem(source.name, CASE, "two sequences name the same file"))
        if case.mvi is None:
            found.append(Problem(source.name, "CM-LABEL", case.without_outcome_because))
        if names[case.patient] > 1:
            found.append(Problem(source.name, "CM-TWICE", "another case is of the same patient"))
        if any(places[place] > 1 for place in case.places()):
            found.append(Problem(source.name, "CM-TWICE", "another case names the same images"))
        found += [
            Problem(source.name, "CM-PATH", f"{path} does not exist") for path in case.paths() if not path.exists()
        ]
        problems = read_clinical(case.clinical, reader.analytes, reader.today)[1]
        found += [Problem(source.name, code, message) for code, message in problems]
    return found + _of_columns(patients, reader)


def clinical_columns(patients: Sequence["PatientSource"], reader: CohortReader) -> dict[str, str]:
    """Say what each column is taken for that is no value of the model: a misspelt name shows itself so."""
    columns, _ = _further(patients, reader)
    return {column.name: "yes or no" if column.is_binary else column.unit or "number" for column in columns}


def _of_columns(patients: Sequence["PatientSource"], reader: CohortReader) -> list[Problem]:
    found = []
    for unclear in _further(patients, reader)[1]:
        names = [patients[n].name for n in unclear.patients] or ["all patients"]
        found += [Problem(name, COLUMN, unclear.because) for name in names]
    return found


def _further(
    patients: Sequence["PatientSource"], reader: CohortReader
) -> "tuple[tuple[FurtherColumn, ...], tuple[UnclearColumn, ...]]":
    from pipeline.training.further_columns import further_columns  # noqa: PLC0415 - `--help` needs no array

    return further_columns(
        [patient.case.clinical for patient in patients], partial(is_further, rules=reader.analytes)
    )


def read_problems(
    patients: Sequence["PatientSource"], reader: CohortReader, on_patient: Callable[[], None]
) -> list[Problem]:
    """Read the images, labels and masks of every patient, and say what is wrong with each.

    Parameters
    ----------
    patients, reader
        As of `stated_problems`.
    on_patient
        Called after each.
    """
    found = []
    for source in patients:
        found += [Problem(source.name, code, message) for code, message in _of_patient(source, reader)]
        on_patient()
    return found


def _of_patient(source: "PatientSource", reader: CohortReader) -> Iterator[tuple[str, str]]:
    case = source.case
    if not case.has_one_place or (case.folder is not None and not case.folder.is_dir()):
        return  # Said already.
    if not all(path.exists() for path in case.images.values()):
        return  # Said already, as CM-PATH.
    try:
        read = reader.study(case)
    except NodeError as error:
        yield _told(error)
        return
    masks: dict[Role, LabelMap] = {}

    def read_mask(role: "Role") -> None:
        masks[role] = reader.mask(case, role, read)

    steps: list[Callable[[], object]] = [
        partial(read_mask, role) for role, path in case.masks.items() if path.exists()
    ]
    labels: list[LabelMap | None] = []
    if case.labels is not None and case.labels.exists():
        steps.append(lambda: labels.append(source.labels(read.study)))
    steps.append(lambda: reader.require_same_tumours(masks, read, *labels))
    for step in steps:
        try:
            step()
        except NodeError as error:
            yield _told(error)


def _told(error: NodeError) -> tuple[str, str]:
    code = getattr(error, "code", "CM-READ")
    return code, str(error).removeprefix(f"{code}: ")

"""Whether all images of a study are of one patient. Only digests are kept; no message says who anybody is."""

import hashlib
import re
import unicodedata
from collections.abc import Collection
from itertools import combinations

from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts, Person
from dicom_io.assembly.instants import day
from dicom_io.assembly.refusals import Refusal, refuse

_CODE = "SM-PATIENT"

_NAMING = 3
"""Family, given and middle name; prefix and suffix (PS3.5 6.2.1.1) are shared by strangers."""

_SIGNS = {"han": "[\u3400-\u9fff\U00020000-\U0003ffff]", "hangul": "[\uac00-\ud7a3]"}
"""Scripts without blanks between words, and one sign of each."""

_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})


def digest_of(value: str) -> str:
    """Return what compares equal for equal values; an empty string for none."""
    return hashlib.sha256(value.encode()).hexdigest() if value else ""


def person_of(elements: Elements) -> Person:
    """Return who the headers say the patient is, beside the Patient ID."""
    born, sex = day(elements.word("PatientBirthDate")), elements.word("PatientSex").upper()
    return Person(
        issuer=digest_of(elements.word("IssuerOfPatientID").casefold()),
        birth="" if born is None else digest_of(born.isoformat()),
        sex=sex if sex in ("M", "F") else "",
        names=frozenset(
            f"{script} {digest_of(word)}"
            for reading in elements.text("PatientName")
            for script, word in _words(reading)
        ),
    )


def patient_objection(frames: Collection[FrameFacts]) -> Refusal | None:
    """Return why the images of a study are not of one patient, or None.

    Parameters
    ----------
    frames
        All of the study.

    Returns
    -------
    Refusal or None
        Of several Patient IDs, or an ID that some images lack; and, under one ID, of two issuers, birth dates or
        sexes, or of names without a word in common where no birth date says that it is one person.
    """
    patients = {(frame.series.patient_key, frame.series.person) for frame in frames}
    named = {key for key, _ in patients if key}
    if len(named) > 1:
        return refuse(_CODE, f"The study holds images of {len(named)} patients.")
    if named and "" in {key for key, _ in patients}:
        return refuse(_CODE, "Some images of the study name a patient (Patient ID), and some name none.")
    persons = {person for _, person in patients}
    for fact, what in (
        ("issuer", "issuers (0010,0021)"),
        ("birth", "birth dates (0010,0030)"),
        ("sex", "sexes (0010,0040)"),
    ):
        if len({getattr(person, fact) for person in persons} - {""}) > 1:
            return refuse(_CODE, f"The images of the study have one Patient ID and different {what}.")
    if any(one.birth != other.birth or not one.birth for one, other in _strangers(persons)):
        said = "The images of the study have one Patient ID and names (0010,0010) without a word in common"
        return refuse(_CODE, f"{said}, and no birth date says that it is one patient.")
    return None


def patient_warnings(frames: Collection[FrameFacts]) -> tuple[str, ...]:
    """Return what may be a change of name: one ID, one birth date, no word of the names in common."""
    if not _strangers({frame.series.person for frame in frames}):
        return ()
    return ("The images of one Patient ID and birth date bear names (0010,0010) without a word in common.",)


def _strangers(persons: Collection[Person]) -> list[tuple[Person, Person]]:
    known = [person for person in persons if person.names]
    return [pair for pair in combinations(known, 2) if not pair[0].names & pair[1].names and _comparable(*pair)]


def _comparable(one: Person, other: Person) -> bool:
    """Tell whether two names are written in one script: in another the same name has other words."""
    mine, its = ({name.split()[0] for name in person.names} for person in (one, other))
    return bool(mine & its)


def _words(name: str) -> set[tuple[str, str]]:
    """Return the words of a person's name with their script, without case, accents and order.

    Han and Hangul are taken sign by sign: whether family and given name are parted is up to who typed them.
    """
    parts = [part for group in name.split("=") for part in group.split("^")[:_NAMING]]
    # Umlauts are spelled out or lose their dots: both are made one.
    whole = unicodedata.normalize("NFKC", " ".join(parts)).casefold().translate(_SPELLED_OUT)
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", whole) if not unicodedata.combining(mark))
    latin = {("latin", re.sub("(?<=[aou])e", "", word)) for word in re.findall("[a-z]{2,}", plain)}
    return latin | {(script, sign) for script, signs in _SIGNS.items() for sign in re.findall(signs, whole)}

"""A name for a study that says nothing about the patient, for messages that leave the hospital's network.

A StudyInstanceUID is found in every archive that has the study; its digest is of use only to who has the ledger.
"""

import hashlib
import re
from collections.abc import Iterable

_PREFIX = "s-"
_DIGITS = 12
_REFERENCE = re.compile(rf"{_PREFIX}[0-9a-f]{{{_DIGITS}}}")


def study_reference(study_instance_uid: str) -> str:
    """Return the reference of a study; its folder in the inbox begins with the same digits."""
    return _PREFIX + hashlib.sha256(study_instance_uid.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def is_reference(text: str) -> bool:
    """Tell whether this is a reference and no UID."""
    return _REFERENCE.fullmatch(text) is not None


def referred_to(reference: str, study_instance_uids: Iterable[str]) -> str | None:
    """Return the study of a reference; None where it is none of these."""
    return next((uid for uid in study_instance_uids if study_reference(uid) == reference), None)

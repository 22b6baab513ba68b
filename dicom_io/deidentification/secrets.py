"""What takes the place of UIDs, dates and patient IDs: the same for the same, within one export only."""

import hashlib
import hmac
import secrets as random_bytes
from contextlib import suppress
from datetime import date, timedelta

from dicom_io.results.uids import derive_uid

_SHORTEST_SHIFT_DAYS, _LONGEST_SHIFT_DAYS = 365, 7300


class Pseudonyms:
    """The replacements of one export.

    Parameters
    ----------
    key
        Random, and thrown away with the export: nobody can repeat or undo what was replaced.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or random_bytes.token_bytes(32)
        days = int.from_bytes(self._digest("shift")[:4], "big") % (_LONGEST_SHIFT_DAYS - _SHORTEST_SHIFT_DAYS)
        self.shift = timedelta(days=_SHORTEST_SHIFT_DAYS + days)
        """By so much all dates are earlier: intervals stay as they are."""

    def uid(self, uid: str) -> str:
        """Return the UID in the place of another; those of the standard name no patient and stay."""
        known = not uid or uid.startswith("1.2.840.10008.")
        return uid if known else derive_uid("export", self._digest(f"uid {uid}").hex())

    def patient_id(self, patient_id: str) -> str:
        """Return the name of a patient within the export."""
        return "P-" + self._digest(f"patient {patient_id}").hex()[:12]

    def date(self, value: str) -> str:
        """Return a DA, or a DT, that begins with a date, earlier by the shift; empty where it is none.

        The time of day stays: the intervals between the phases are seconds (Retain Longitudinal Temporal
        Information with Modified Dates Option, PS3.15 E.3.6).
        """
        digits = value.replace(".", "", 2) if value.count(".") == 2 else value  # 1990.01.01 of ACR-NEMA
        with suppress(ValueError, OverflowError):
            day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) - self.shift
            return f"{day:%Y%m%d}{digits[8:]}"
        return ""

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)

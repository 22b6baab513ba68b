"""Instants of a laboratory as ISO 8601, as exact as they were given, with their zone where one was given."""

import re
from datetime import date, datetime

# HL7 v2 TS/DTM: YYYYMMDD[HH[MM[SS[.S[S[S[S]]]]]]][+/-ZZZZ] (chapter 2A).
_HL7 = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?)?([+-]\d{4})?")

_LAST_HOUR = 23


def from_hl7(text: str) -> str:
    """Return an HL7 instant as ISO 8601; empty where it is none, or less exact than a day.

    An hour without minutes decides nothing, and is left out.
    """
    match = _HL7.fullmatch(text.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second, zone = match.groups()
    if hour is not None and int(hour) > _LAST_HOUR:
        return ""
    found = f"{year}-{month}-{day}"
    if minute is not None:
        found += f"T{hour}:{minute}:{second or '00'}{zone[:3] + ':' + zone[3:] if zone else ''}"
    return from_iso(found)


def from_iso(text: str) -> str:
    """Return an ISO 8601 day or instant as it is; empty where it is none (a FHIR year or month is none)."""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return date.fromisoformat(text).isoformat()
        return datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return ""


def is_later(instant: str, other: str) -> bool:
    """Tell whether an instant is surely later than another; a day alone, or one zone of two, decides nothing."""
    if "T" not in instant or "T" not in other:
        return False
    mine, theirs = datetime.fromisoformat(instant), datetime.fromisoformat(other)
    return (mine.tzinfo is None) == (theirs.tzinfo is None) and mine > theirs

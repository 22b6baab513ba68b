"""Which of several regions is the tumour."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.errors import UnsuitableStudyError

TUMOUR_CODES: Final = frozenset({"108369006", "4147007", "52988006", "25370001", "M-8000/3", "M-01470", "M-81703"})
"""Neoplasm, mass, lesion and hepatocellular carcinoma in SNOMED CT and its older forms."""
_TUMOUR: Final = re.compile(r"tumou?r|lesion|hcc|neoplasm|carcinoma|\bmass\b|肿瘤|病灶", re.IGNORECASE)


def tumour_numbers(
    labels: Mapping[int, str], *, what: str, codes: Mapping[int, str] | None = None
) -> Sequence[int]:
    """Return the number of the one region, or of those of several that are called tumour.

    Parameters
    ----------
    labels
        By number of the region.
    codes
        Of their property type, where they are coded.
    what
        The mask, for the message.

    Raises
    ------
    UnsuitableStudyError
        ``CM-SEGMENT``: there is none, or several and none is called tumour.
    """
    if len(labels) == 1:
        return list(labels)
    found = [
        number
        for number, label in labels.items()
        if _TUMOUR.search(label) or (codes or {}).get(number) in TUMOUR_CODES
    ]
    if found:
        return found
    raise UnsuitableStudyError(
        "CM-SEGMENT",
        f"{what} holds {len(labels)} regions, and none of them is called tumour.",
        remedy="Name the region of the tumour so, or leave it alone in the file.",
        stage="assemble",
    )

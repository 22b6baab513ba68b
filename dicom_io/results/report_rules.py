"""The rules under which OHIF shows a structured report, checked before one is sent.

Its handler drops a report without a word, or fails on it as a whole: reproduced with a port of that logic. What
has the title 126000 is drawn on its image, and where there is no outline the viewport stays black; what has
another title OHIF 3.13 writes out.
"""

from collections import defaultdict
from collections.abc import Iterator

from pydicom.dataset import Dataset

from pipeline.errors import StudyError

_DRAWN, _READ = "126000", "126001"
_LIBRARY, _MEASUREMENTS, _GROUP, _TRACKING_UID = "111028", "126010", "125007", "112040"
_COORDINATES = frozenset({"SCOORD", "SCOORD3D"})


def check_report(report: Dataset, *, needs_image: bool = True) -> None:
    """Check a report against the rules of the OHIF handler.

    Parameters
    ----------
    report
        A TID 1500 document.
    needs_image
        Whether an Image Library must be there; a refusal of a study without images has none.

    Raises
    ------
    StudyError
        ``RES-SR``, with the first rule that is broken.
    """
    broken = next(_broken(report, needs_image), None)
    if broken is not None:
        raise StudyError(
            "RES-SR",
            f"The report would not be shown: {broken}.",
            remedy="Report this to the maintainers; nothing was sent.",
            stage="report",
        )


def _broken(report: Dataset, needs_image: bool) -> Iterator[str]:
    title = _DRAWN if _has_coordinates(report) else _READ
    if _name(report) != title:
        yield f"its title is not {title}"
    children = {_name(item): item for item in report.ContentSequence}
    if needs_image and not children.get(_LIBRARY, Dataset()).get("ContentSequence"):
        yield "it has no image library"
    if _MEASUREMENTS not in children:
        yield "it has no imaging measurements"
        return
    merged: dict[str, list[Dataset]] = defaultdict(list)
    for group in children[_MEASUREMENTS].ContentSequence:
        uid = [item.UID for item in group.ContentSequence if _name(item) == _TRACKING_UID]
        if _name(group) == _GROUP and not uid:
            yield "a measurement group has no tracking UID"
        for key in uid:
            merged[key].extend(group.ContentSequence)
    for items in merged.values():
        drawn = any(item.ValueType in _COORDINATES for item in items)
        if not drawn and any(item.ValueType == "NUM" and not item.get("ContentSequence") for item in items):
            yield "a number without children stands in a group without coordinates"


def _has_coordinates(item: Dataset) -> bool:
    return item.ValueType in _COORDINATES or any(
        _has_coordinates(child) for child in item.get("ContentSequence") or ()
    )


def _name(item: Dataset) -> str:
    concept = item.get("ConceptNameCodeSequence")
    return str(concept[0].get("CodeValue", "")) if concept else ""

"""What is said of the files of a study that give no image: closed ones refuse it, damaged ones explain a gap."""

from collections import defaultdict
from collections.abc import Sequence

from dicom_io.assembly.refusals import Refusal, refuse
from dicom_io.assembly.scan_result import ScanResult, UnreadableFile


def closed_objection(scan: ScanResult) -> Refusal | None:
    """Return the refusal of a study beside which something could not be opened; None where all could.

    Whether the six roles are filled makes no difference: an edge slice leaves no gap, and a phase that lies in a
    closed folder may be the better one.
    """
    closed = [file for file in scan.unreadable if file.is_closed]
    if not closed:
        return None
    more = f", and {len(closed) - 1} more" if len(closed) > 1 else ""
    return refuse(
        "SM-UNREADABLE",
        f"Not all of the input could be read: {shown(closed[0])} is {closed[0].reason}{more}. "
        "Images of the study may lie there.",
    )


def damage_of_series(scan: ScanResult) -> dict[str, str]:
    """Return by SeriesInstanceUID which of its files are damaged, and how, as the end of a sentence."""
    series: dict[str, list[UnreadableFile]] = defaultdict(list)
    for file in scan.unreadable:
        if file.series_instance_uid:
            series[file.series_instance_uid].append(file)
    return {uid: _of_series(files) for uid, files in series.items()}


def _of_series(files: Sequence[UnreadableFile]) -> str:
    first = f"{shown(files[0])} ({files[0].reason})"
    if len(files) == 1:
        return f"a file of its series is damaged: {first}"
    return f"{len(files)} files of its series are damaged, the first {first}"


def stray_warnings(scan: ScanResult) -> tuple[str, ...]:
    """Return the sentence about damaged files that are left out because they do not say whose they are."""
    found = [file for file in scan.unreadable if not (file.series_instance_uid or file.is_closed)]
    if not found:
        return ()
    which = f"{shown(found[0])}: {found[0].reason}"
    if len(found) > 1:
        which = f"{len(found)} files, the first {which}"
    return (f"Left out, since nothing says to which series it belongs: {which}.",)


def shown(file: UnreadableFile) -> str:
    """Return what names a file to people: its path below the folder that was scanned."""
    return file.name or file.path.name

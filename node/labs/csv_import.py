"""A CSV file into the ledger: all of it, or nothing."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from config.analytes import AnalyteRules
from node.labs.csv_file import LabFile, read_lab_file
from node.ledger.lab_records import Entered, LabSource, PatientResults
from node.ledger.ledger import Ledger

SENDER = ""
"""A file has none: the same specimen in another file is the same result."""
_DIGITS = 12
"""Of the digest of a file, which stands for its name."""


def import_lab_file(
    ledger: Ledger,
    path: Path,
    rules: AnalyteRules,
    *,
    issuer: str = "",
    tell: Callable[[Sequence[PatientResults]], None] = lambda _: None,
) -> Entered:
    """Enter the values of a file.

    Parameters
    ----------
    issuer
        Of patient IDs that come without one.
    tell
        Is told what will be entered, before it is.

    Raises
    ------
    LabFileError
        Any line is wrong; every wrong line is named, and nothing was entered.
    OSError
        The file cannot be read.
    """
    today = ledger.clock().astimezone().date()
    found = read_lab_file(path, rules, today=today, issuer=issuer)
    results = list(_results(found))
    tell(results)
    return ledger.labs.enter(LabSource.CSV, SENDER, results)


def _results(found: LabFile) -> Iterator[PatientResults]:
    for (line, patient), rows in groupby(found.rows, key=lambda row: (row.line, row.patient)):
        message_id = f"file {found.sha256[:_DIGITS]} line {line}"
        yield PatientResults(patient, message_id, accepted=[row.value for row in rows])

"""How a person names a study on the command line: by its UID, or by the reference in a notice."""

from typing import Annotated

import typer

from node.ledger.ledger import Ledger
from node.ledger.rows import UnknownStudyError
from node.studies.reference import is_reference, referred_to

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY_INSTANCE_UID",
        help="StudyInstanceUID, or the reference of a notice, such as s-0123456789ab.",
    ),
]


def named(ledger: Ledger, study: str) -> str:
    """Return the StudyInstanceUID of what a person named.

    Raises
    ------
    UnknownStudyError
        It is a reference, and of no study of the ledger.
    """
    if not is_reference(study):
        return study
    uid = referred_to(study, (record.study_instance_uid for record in ledger.studies.all()))
    if uid is None:
        raise UnknownStudyError(study)
    return uid

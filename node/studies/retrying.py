"""Try a study again because somebody asked for it: send it, or analyse it once more."""

from typing import Final

from node.ledger.ledger import Ledger
from node.states import StudyState

_SENT_IN_VAIN: Final = (StudyState.UNDELIVERED, StudyState.UNCONFIRMED)
"""Their analysis is good: only what a peer has not got is sent again."""


def retry_study(ledger: Ledger, study_instance_uid: str, by: str) -> StudyState:
    """Try again what failed, at once: whoever asks has mended the cause, so no wait for it goes on.

    A peer that is left alone because it was away or refused this node is tried at once, too.

    Parameters
    ----------
    by
        Who asked, for the history.

    Returns
    -------
    StudyState
        Of the study now.

    Raises
    ------
    UnknownStudyError
        There is no such study.
    NotNowError
        It is being received or analysed, or its images are deleted.
    """
    state = ledger.studies.get(study_instance_uid).state
    if state in _SENT_IN_VAIN:
        ledger.outbox.send_again(study_instance_uid, by)
    elif state is StudyState.DELIVERING:
        ledger.outbox.hurry(study_instance_uid, by)
    else:
        ledger.work.ask_again(study_instance_uid, by)
    for destination in {item.destination for item in ledger.outbox.of_study(study_instance_uid)}:
        ledger.contacts.release(destination)
    return ledger.studies.get(study_instance_uid).state

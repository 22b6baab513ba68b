"""What a person is told where the database of the ledger fails at work."""

from sqlalchemy.exc import OperationalError

from node.ledger.connection import LedgerError

_FULL = ("database or disk is full", "disk i/o error", "no space left on device", "disk full")


class LedgerFailureError(LedgerError):
    """The database could not do what was asked; nothing of it was done.

    Parameters
    ----------
    code
        ``LG-FULL``: its disk is full; ``LG-AWAY``: anything else.
    """

    def __init__(self, code: str, because: str) -> None:
        self.code = code
        remedy = (
            "make space on its disk, as `mvi-node studies purge UID` can, then repeat this"
            if code == "LG-FULL"
            else "`mvi-node doctor` looks at it; then repeat this"
        )
        super().__init__(f"the database of the ledger: {because}; this was not done: {remedy}")


def told(error: OperationalError) -> LedgerFailureError:
    """Return a failure of the database in words; no statement, and no value of one."""
    because = str(error.orig).splitlines()[0] if error.orig else "it does not answer"
    full = any(words in because.lower() for words in _FULL)
    return LedgerFailureError("LG-FULL" if full else "LG-AWAY", because)

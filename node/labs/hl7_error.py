"""Why a message of HL7 v2 is not taken."""

from config.errors import NodeError


class Hl7Error(NodeError):
    """A message that cannot be taken.

    Parameters
    ----------
    acknowledgement
        ``AE`` or ``AR`` (HL7 table 0008).
    because
        A sentence without patient data.
    """

    def __init__(self, acknowledgement: str, because: str) -> None:
        self.acknowledgement = acknowledgement
        self.because = because
        super().__init__(because)

"""A way to tell people, and how it fails."""

from collections.abc import Sequence
from typing import Protocol

from config.errors import NodeError
from node.ledger.notices import Notice


class ChannelError(NodeError):
    """A message could not be sent; another attempt may succeed."""


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """In the ledger, in metrics and in `doctor`."""

    def tell(self, notices: Sequence[Notice]) -> None:
        """Send one message about all of them.

        Raises
        ------
        ChannelError
            It could not be sent.
        """

    def check(self) -> str:
        """See whether it could, and send nothing; return what to say of it.

        Raises
        ------
        ChannelError
            It could not.
        """

"""Notices as one JSON document, posted to an address of the site."""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests

from config.sections.notify import NotifySection
from node.ledger.notices import Notice
from node.notify.channel import ChannelError
from node.notify.mail import line_of

_PORTS = {"http": 80, "https": 443}


class Webhook:
    """Posts to one address; it is not followed elsewhere.

    Parameters
    ----------
    ae_title
        Which node says so.

    Raises
    ------
    ConfigError
        The file of the Authorization header cannot be read.
    """

    name = "webhook"

    def __init__(self, notify: NotifySection, ae_title: str) -> None:
        self._notify = notify
        self._ae_title = ae_title
        self._authorization = line_of(notify.webhook_authorization_file, "notify.webhook_authorization_file")

    def tell(self, notices: Sequence[Notice]) -> None:
        """Post one document.

        Raises
        ------
        ChannelError
            The address cannot be reached, or does not answer with success.
        """
        document = {"node": self._ae_title, "notices": [vars(item) for item in notices]}
        headers = {"Authorization": self._authorization} if self._authorization else {}
        try:
            answer = requests.post(
                self._notify.webhook_url,
                json=document,
                headers=headers,
                timeout=self._notify.timeout_s,
                verify=self._notify.webhook_ca or True,
                # A redirect could lead the Authorization header to another server.
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise ChannelError(f"the webhook cannot be reached: {_because(error)}") from error
        with answer:
            if not 200 <= answer.status_code < 300:
                raise ChannelError(f"the webhook answers HTTP {answer.status_code}")

    def check(self) -> str:
        """See whether somebody listens; nothing is posted.

        Raises
        ------
        ChannelError
            Nobody does.
        """
        address = urlsplit(self._notify.webhook_url)
        place = (address.hostname or "", address.port or _PORTS[address.scheme])
        try:
            socket.create_connection(place, timeout=self._notify.timeout_s).close()
        except OSError as error:
            because = (error.strerror or str(error)).lower()
            raise ChannelError(f"the webhook cannot be reached: {because}") from error
        return f"{place[0]}:{place[1]} answers"


def _because(error: requests.RequestException) -> str:
    match error:
        case requests.exceptions.SSLError():
            return "its certificate is not accepted; set notify.webhook_ca"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ConnectionError():
            return "no connection"
    return type(error).__name__

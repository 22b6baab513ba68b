"""Where the node is, where this program is as the node sees it, and how long the node takes."""

import re
import socket

from pydantic import TypeAdapter, ValidationError

from config.errors import ConfigError
from config.settings import AETitle, Settings
from dicom_io.network.requestor import RemoteAE

_ADDRESS = re.compile(r"([^@]+)@(.+):(\d{1,5})")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound
"""Where a node is called on its own machine that listens on every interface."""
_REMOTE_PAUSE_S = 10.0
_REMOTE_WAIT_S = 7200.0
"""More than the deadline of a node that keeps its default, s."""


def parse_address(text: str) -> RemoteAE:
    """Read ``AE@HOST:PORT``.

    Raises
    ------
    ConfigError
        It is none.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 0 < int(found[3]) <= 65535:
        raise ConfigError([f"{text!r} is no address; write AE@HOST:PORT, for example MVINODE@10.0.0.4:11112"])
    return RemoteAE(checked_ae_title(found[1]), found[2].strip("[]"), int(found[3]))


def checked_ae_title(text: str) -> str:
    """Return an AE title.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        return TypeAdapter(AETitle).validate_python(text)
    except ValidationError as error:
        raise ConfigError([f"{text!r}: an AE title has 1 to 16 characters, ASCII and no backslash"]) from error


def local_address(settings: Settings) -> RemoteAE:
    """Return where the node of a configuration is called on its own machine.

    Raises
    ------
    ConfigError
        Its port is known only to itself.
    """
    section = settings.node
    if section.port == 0:
        raise ConfigError(["node.port is 0; name the port that the node told with --to AE@HOST:PORT"])
    return RemoteAE(section.ae_title, _LOOPBACK.get(section.host, section.host), section.port)


def facing_address(node: RemoteAE) -> str:
    """Return the address of this machine from which the node is called.

    Raises
    ------
    ConfigError
        The name cannot be resolved, or there is no route.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(node.host, node.port, type=socket.SOCK_DGRAM)[0]
        # A datagram socket is bound by this and sends nothing.
        with socket.socket(family, kind) as probing:
            probing.connect(address)
            return str(probing.getsockname()[0])
    except OSError as error:
        raise ConfigError([f"{node.host} cannot be reached from here: {error.strerror}"]) from error


def default_pause_s(settings: Settings | None) -> float:
    """Return how long the hepatobiliary phase is late, s: longer than the node waits for quiet, where known."""
    if settings is None:
        return _REMOTE_PAUSE_S
    return settings.completion.settle_s + 2 * settings.completion.check_every_s


def default_wait_s(settings: Settings | None) -> float:
    """Return in which silence hope is given up, s: the deadline of the node, and an analysis."""
    if settings is None:
        return _REMOTE_WAIT_S
    return settings.completion.deadline_s + settings.compute.timeout_s

"""Where the node is, where this program is as the node sees it, and how long the node takes."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.errors import ConfigError
from config.loading import load_settings
from config.sections.base import AETitle
from config.settings import Settings
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.tls import ClientTls
from node.tls import tls_files

_ADDRESS = re.compile(r"([^@]+)@(.+):(\d{1,5})")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound
"""Where a node is called on its own machine that listens on every interface."""
_REMOTE_PAUSE_S = 70.0
"""More than the settle time of a node that keeps its default, s."""
_MARGIN_S = 2.0
_REMOTE_WAIT_S = 7200.0
"""More than the deadline of a node that keeps its default, s."""


def find_node(
    to: str, config: Path | None, environment: Mapping[str, str], *, tls: bool
) -> tuple[RemoteAE, Settings | None]:
    """Return where the node is, and its configuration where it is that of this machine.

    Parameters
    ----------
    to
        ``AE@HOST:PORT``; empty: the node of the configuration.
    tls
        Whether it is reached over TLS, with the certificate of the configuration.

    Raises
    ------
    ConfigError
        The address is none, or the configuration is wrong or lacks what is needed.
    """
    if to and not tls:
        return parse_address(to), None
    settings = load_settings(config, environment)
    proof = _certificate(settings) if tls else None
    return (parse_address(to, proof), None) if to else (local_address(settings, proof), settings)


def parse_address(text: str, tls: ClientTls | None = None) -> RemoteAE:
    """Read ``AE@HOST:PORT``.

    Parameters
    ----------
    tls
        How it is reached over TLS.

    Raises
    ------
    ConfigError
        It is none.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 0 < int(found[3]) <= 65535:
        raise ConfigError([f"{text!r} is no address; write AE@HOST:PORT, for example MVINODE@10.0.0.4:11112"])
    return RemoteAE(checked_ae_title(found[1]), found[2].strip("[]"), int(found[3]), tls)


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


def _certificate(settings: Settings) -> ClientTls:
    """Return what this program proves itself with over TLS: certificate, key and authority of a configuration.

    Raises
    ------
    ConfigError
        It has none.
    """
    files = tls_files(settings.tls)
    if files is None:
        raise ConfigError(
            ["--tls takes certificate, key and authority of [tls] in the file of --config: set them"]
        )
    return ClientTls(files)


def local_address(settings: Settings, tls: ClientTls | None = None) -> RemoteAE:
    """Return where the node of a configuration is called on its own machine.

    Parameters
    ----------
    tls
        How it is reached over TLS.

    Raises
    ------
    ConfigError
        Its port is known only to itself.
    """
    section = settings.node
    key, port = ("node.port", section.port) if tls is None else ("tls.port", settings.tls.port)
    if port == 0:
        raise ConfigError([f"{key} is 0; name the port that the node told with --to AE@HOST:PORT"])
    return RemoteAE(section.ae_title, _LOOPBACK.get(section.host, section.host), port, tls)


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
    section = settings.completion
    # Half of the deadline at most: the node must not refuse the study for want of what is only late.
    return min(section.settle_s + 2 * section.check_every_s + _MARGIN_S, section.deadline_s / 2)


def default_wait_s(settings: Settings | None) -> float:
    """Return in which silence hope is given up, s: the deadline of the node, and an analysis."""
    if settings is None:
        return _REMOTE_WAIT_S
    return settings.completion.deadline_s + settings.compute.timeout_s

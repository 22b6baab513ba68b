"""What the receiver listens on, and whom it lets in: its settings out of those of the node."""

import logging
import time
from collections.abc import Callable, Iterable

from config.sections.node import NodeSection
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.access import AccessPolicy, AddressBook, KnownPeer, resolve_addresses
from dicom_io.network.limits import TransportLimits
from dicom_io.network.storage_scp import ScpSettings
from dicom_io.network.tls import server_context
from node.tls import tls_files

LOGGER = logging.getLogger(__name__)


def access_policy(
    node: NodeSection,
    peers: Iterable[Peer],
    resolve: Callable[[str], frozenset[str]] = resolve_addresses,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> AccessPolicy:
    """Return who may open associations.

    Parameters
    ----------
    resolve
        Host name to addresses; asked again where a known AE title comes from another address.
    monotonic_s
        A clock that never steps back, s.
    """
    known = []
    for peer in peers:
        addresses = resolve(peer.host)
        if not addresses:
            LOGGER.warning(
                "peer %s: host %s has no address, its associations are rejected until it has", peer.name, peer.host
            )
        book = AddressBook(peer.host, addresses, resolve, monotonic_s)
        known.append(KnownPeer(peer.ae_title, addresses, peer.may_send, book, peer.maximum_associations))
    return AccessPolicy(node.ae_title, tuple(known))


def scp_settings(settings: Settings) -> ScpSettings:
    """Return the settings of the receiver.

    Raises
    ------
    ConfigError
        Certificate, key or authority cannot be used.
    """
    node = settings.node
    tls = tls_files(settings.tls)
    limits = TransportLimits(network_timeout_s=node.network_timeout_s, dimse_timeout_s=node.network_timeout_s)
    return ScpSettings(
        ae_title=node.ae_title,
        host=node.host,
        port=node.port if settings.tls.opens_plain else None,
        policy=access_policy(node, settings.peers),
        maximum_associations=node.maximum_associations,
        limits=limits,
        tls=server_context(tls) if tls else None,
        tls_port=settings.tls.port,
    )

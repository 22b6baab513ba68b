"""Who may open an association: called and calling AE title and the address of the peer."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

LOOPBACK = "loopback"
LOOK_UP_EVERY_S = 5.0
"""At most so often is the name service asked for one peer, s: anybody may use its AE title."""


class Rejection(Enum):
    """A-ASSOCIATE-RJ as (result, source, diagnostic), PS3.8 9.3.4."""

    CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNISED = (1, 1, 7)
    LOCAL_LIMIT_EXCEEDED = (2, 3, 2)


@dataclass(frozen=True)
class KnownPeer:
    """A remote AE that may open associations.

    Parameters
    ----------
    addresses
        Where it may come from, as from `canonical_address`.
    may_store
        Whether its C-STORE is taken; C-ECHO and storage commitment results are in any case.
    look_up
        Finds its addresses again: a scanner gets another one, or the name service comes up late. None: never.
    maximum_associations
        Of its own that are served at once; None: as many as there are.
    """

    ae_title: str
    addresses: frozenset[str]
    may_store: bool
    look_up: "AddressBook | None" = None
    maximum_associations: int | None = None

    def is_at(self, address: str) -> bool:
        """Return whether the peer may come from `address`; asks no name service."""
        return address in (self.look_up.addresses if self.look_up else self.addresses)


class AddressBook:
    """The addresses of one host name, asked for again where an association comes from another one.

    Parameters
    ----------
    host
        Name or address.
    addresses
        Known so far; kept where the name service gives none.
    resolve
        Host name to addresses, as `resolve_addresses`; may block.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(
        self,
        host: str,
        addresses: frozenset[str],
        resolve: Callable[[str], frozenset[str]],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.addresses = addresses
        self._host = host
        self._resolve = resolve
        self._monotonic_s = monotonic_s
        self._not_before_s = monotonic_s()
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Ask the name service, unless that was done in the last `LOOK_UP_EVERY_S`; two at once ask once."""
        with self._lock:
            if self._monotonic_s() < self._not_before_s:
                return
            self.addresses = self._resolve(self._host) or self.addresses
            # Counted from the answer: one that does not come takes long itself.
            self._not_before_s = self._monotonic_s() + LOOK_UP_EVERY_S


@dataclass(frozen=True)
class AccessPolicy:
    """Checks an association request before anything else of it is looked at.

    Parameters
    ----------
    ae_title
        Our own; the called AE title must be it.
    peers
        Who may come. AE titles are names, not credentials, so the address must fit as well.
    open_to_loopback
        Accept any calling AE title from this machine itself; for the embedded PACS of the demonstration.
    """

    ae_title: str
    peers: tuple[KnownPeer, ...] = ()
    open_to_loopback: bool = False

    def rejection(self, *, called_ae_title: str, calling_ae_title: str, host: str) -> Rejection | None:
        """Return why the association is refused, or None where it is not.

        Asks the name service where a known title comes from an unknown address, and blocks for as long.
        """
        if called_ae_title.strip() != self.ae_title.strip():
            return Rejection.CALLED_AE_TITLE_NOT_RECOGNISED
        address = canonical_address(host)
        if self.open_to_loopback and address == LOOPBACK:
            return None
        if self._peers_of(calling_ae_title, address):
            return None
        for peer in self._called(calling_ae_title):
            if peer.look_up is not None:
                peer.look_up.refresh()
        if self._peers_of(calling_ae_title, address):
            return None
        return Rejection.CALLING_AE_TITLE_NOT_RECOGNISED

    def may_store(self, *, calling_ae_title: str, host: str) -> bool:
        """Return whether C-STORE of this peer is taken."""
        address = canonical_address(host)
        if self.open_to_loopback and address == LOOPBACK:
            return True
        return any(peer.may_store for peer in self._peers_of(calling_ae_title, address))

    def peer(self, *, calling_ae_title: str, host: str) -> KnownPeer | None:
        """Return who calls; None where only the loopback address lets it in."""
        return next(iter(self._peers_of(calling_ae_title, canonical_address(host))), None)

    def knows_host(self, host: str) -> bool:
        """Return whether any peer may come from this address."""
        address = canonical_address(host)
        if self.open_to_loopback and address == LOOPBACK:
            return True
        return any(peer.is_at(address) for peer in self.peers)

    def _peers_of(self, calling_ae_title: str, address: str) -> list[KnownPeer]:
        return [peer for peer in self._called(calling_ae_title) if peer.is_at(address)]

    def _called(self, calling_ae_title: str) -> list[KnownPeer]:
        title = calling_ae_title.strip()
        return [peer for peer in self.peers if peer.ae_title.strip() == title]


@lru_cache(maxsize=1024)
def canonical_address(host: str) -> str:
    """Return one spelling for an address: IPv4 out of IPv6-mapped, and one word for every loopback address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return LOOPBACK if address.is_loopback else str(address)


def resolve_addresses(host: str, lookup: Callable[[str], Iterable[str]] | None = None) -> frozenset[str]:
    """Return every address of a host name, as from `canonical_address`; empty where the name is unknown."""
    try:
        found = (lookup or _system_lookup)(host)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(canonical_address(address) for address in found)


def _system_lookup(host: str) -> list[str]:
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in entries]

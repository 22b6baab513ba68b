"""Whether those who are to reach the node can: it listens on this machine alone until somebody opens it."""

import ipaddress

from config.settings import Settings

OTHER_INTERFACE = 'set node.host = "0.0.0.0", or the address of one interface'
_SHOWN = 3
"""So many peers are named; a site may have fifty scanners."""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its address or name; no name server is asked."""
    name = host.strip().strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761 6.3


def shut_out(settings: Settings) -> str:
    """Return in one sentence which peers cannot reach the node, and what to set; empty where all can.

    A peer that only gets results counts too: storage commitment is reported on an association of its own
    (PS3.4 J.3.3). One that gets them by DICOMweb and sends nothing never calls.
    """
    if not is_loopback(settings.node.host):
        return ""
    callers = [peer for peer in settings.peers if peer.may_send or not peer.dicomweb_url]
    outside = [peer.name for peer in callers if not is_loopback(peer.host)]
    if not outside:
        return ""
    names = ", ".join(outside[:_SHOWN]) + (f" and {len(outside) - _SHOWN} more" if len(outside) > _SHOWN else "")
    return (
        f"node.host = {settings.node.host} listens on this machine alone, and peers on other hosts cannot reach "
        f"it ({names}): {OTHER_INTERFACE}"
    )

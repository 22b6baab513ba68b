"""Bounds on what one peer may ask of this machine, in bytes, seconds and connections."""

from dataclasses import dataclass, field

from dicom_io.network.receiving_memory import ReceivingMemory


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on what one peer may ask of this machine."""

    maximum_pdu_bytes: int = 131_072
    """Advertised and enforced length of a P-DATA-TF."""
    maximum_associate_bytes: int = 131_072
    """Longest A-ASSOCIATE; 128 contexts with 20 transfer syntaxes each are about 70 kB."""
    maximum_data_set_bytes: int = 268_435_456
    """Longest data set of one C-STORE, held in memory while it arrives."""
    acse_timeout_s: float = 30.0
    """From the TCP connection to a complete association request, and for its answer."""
    network_timeout_s: float = 120.0
    """Silence between PDUs, and the time one PDU may take."""
    dimse_timeout_s: float = 120.0
    """Wait for a DIMSE response."""
    tls_handshake_timeout_s: float = 5.0
    """From the TCP connection to the end of the handshake."""
    pending_per_known_host: int = 64
    """Connections without an association, from the address of a peer."""
    pending_per_unknown_host: int = 4
    """Connections without an association, from any other address."""
    pending_unknown: int = 32
    """Connections without an association, from all other addresses together."""
    memory: ReceivingMemory = field(default_factory=ReceivingMemory, compare=False)
    """Shared by the associations of every port under these limits."""

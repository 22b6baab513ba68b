"""Ask a peer which instances it has (C-FIND, Study Root, PS3.4 C.4.1)."""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pynetdicom.association import Association

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import STUDY_ROOT_FIND_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES
from dicom_io.network.requestor import Context, PeerError, PeerRefusedError, RemoteAE, open_association

_PENDING = frozenset({0xFF00, 0xFF01})
_OUT_OF_RESOURCES = 0xA700
"""PS3.4 C.4.1.1.4."""


def find_instances(
    peer: RemoteAE,
    instances: Iterable[InstanceIdentity],
    *,
    calling_ae_title: str,
    limits: TransportLimits | None = None,
) -> frozenset[str]:
    """Return the SOP Instance UIDs of those `instances` that the peer has.

    Raises
    ------
    PeerError
        The peer cannot be reached or does not answer.
    PeerRefusedError
        The peer takes no queries, or refuses this one.
    """
    contexts = [Context(STUDY_ROOT_FIND_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES)]
    with open_association(peer, contexts, calling_ae_title=calling_ae_title, limits=limits) as assoc:
        return frozenset(item.sop_instance_uid for item in instances if _has(assoc, peer, item))


def _has(assoc: Association, peer: RemoteAE, instance: InstanceIdentity) -> bool:
    found = False
    query = _identifier(instance)
    for status, identifier in assoc.send_c_find(query, STUDY_ROOT_FIND_SOP_CLASS_UID):
        if "Status" not in status:
            raise PeerError(peer, "it did not answer a query")
        code = int(status.Status)
        if code in _PENDING and identifier is not None:
            # A peer that ignores a key answers with other instances as well.
            found = found or identifier.get("SOPInstanceUID") == instance.sop_instance_uid
        elif code == _OUT_OF_RESOURCES:
            raise PeerError(peer, "it is out of resources for a query")
        elif code not in (0x0000, *_PENDING):
            raise PeerRefusedError(peer, f"it answered a query with status 0x{code:04X}")
    return found


def _identifier(instance: InstanceIdentity) -> Dataset:
    """Return the keys of one instance; a hierarchical query names every level above (PS3.4 C.4.1.3.1.1)."""
    ds = Dataset()
    ds.QueryRetrieveLevel = "IMAGE"
    ds.StudyInstanceUID = instance.study_instance_uid
    ds.SeriesInstanceUID = instance.series_instance_uid
    ds.SOPInstanceUID = instance.sop_instance_uid
    return ds

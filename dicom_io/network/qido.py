"""Ask a DICOMweb service what it has (QIDO-RS, PS3.18 10.6), and whether it answers."""

from collections.abc import Sequence

from dicomweb_client.web import DICOMwebClient

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.requestor import AccessRefusedError, PeerRefusedError
from dicom_io.network.web_service import NotFoundError, WebService, ask, open_client


def find_instances(service: WebService, instances: Sequence[InstanceIdentity]) -> frozenset[str]:
    """Return the SOP Instance UIDs of those `instances` that the service has.

    Raises
    ------
    PeerError
        The service cannot be reached.
    PeerRefusedError
        There is no QIDO-RS under its URL.
    """
    if not instances:
        return frozenset()
    client = open_client(service)
    # Whether there is QIDO-RS at all. Some refuse to search without a key, and some search everything.
    key = {"StudyInstanceUID": instances[0].study_instance_uid}
    ask(service, lambda: client.search_for_studies(limit=1, search_filters=key))
    return frozenset(item.sop_instance_uid for item in instances if _has(service, client, item))


def offers_query(service: WebService) -> bool:
    """Ask whether the service answers, and return whether it can be queried.

    Raises
    ------
    PeerError
        It does not answer.
    AccessRefusedError
        It refuses the credentials.
    """
    client = open_client(service)
    try:
        ask(service, lambda: client.search_for_studies(limit=1))
    except AccessRefusedError:
        raise
    except PeerRefusedError:
        return False  # It answers, and only stores.
    return True


def _has(service: WebService, client: DICOMwebClient, instance: InstanceIdentity) -> bool:
    def search() -> bool:
        found = client.search_for_instances(
            instance.study_instance_uid,
            instance.series_instance_uid,
            search_filters={"SOPInstanceUID": instance.sop_instance_uid},
        )
        return any(instance.sop_instance_uid in item.get("00080018", {}).get("Value", []) for item in found)

    try:
        return ask(service, search)
    except NotFoundError:
        return False  # Some say so where they do not know the study or the series.

"""Write the tables of deploy/CONFORMANCE.md from the code that they describe.

usage: python -m deploy.conformance [--results FOLDER]

FOLDER holds seg.dcm, sr.dcm and summary.dcm, whose attributes go into the tables of the objects.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)

from config.sections.node import NodeSection, TlsSection
from dicom_io.assembly.scanning import MULTI_FRAME
from dicom_io.network import negotiation as net
from dicom_io.network.access import Rejection
from dicom_io.network.commitment import FAILURE_REASONS
from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import MAXIMUM_CONTEXTS
from dicom_io.network.status import StoreStatus, store_disposition
from dicom_io.network.tls import CIPHERS_OF_TLS_1_2
from dicom_io.results import codes
from node.audit.events import EventId
from node.ledger.records import ObjectKind
from node.peers.probing import OLDER_REPORTS

DOCUMENT = Path(__file__).with_name("CONFORMANCE.md")
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
NAMES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
    "1.3.12.2.1107.5.9.1": "Siemens CSA Non-Image Storage (private)",
    "1.3.12.2.1107.5.99.3.10": "Siemens CT MR Volume Storage (private)",
    "1.3.46.670589.11.0.0.12.1": "Philips MR Spectrum Storage (private)",
    "1.3.46.670589.11.0.0.12.2": "Philips MR Series Data Storage (private)",
    "1.3.46.670589.11.0.0.12.3": "Philips MR Color Image Storage (private)",
    "1.3.46.670589.11.0.0.12.4": "Philips MR Examcard Storage (private)",
}
"""What pydicom's dictionary does not know."""
LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K})
OUTPUTS: Mapping[ObjectKind, tuple[str, str]] = {
    ObjectKind.SEG: ("1.2.840.10008.5.1.4.1.1.66.4", "liver, tumours and margins"),
    ObjectKind.SR: ("1.2.840.10008.5.1.4.1.1.88.34", "measurements, risk, quality gates; or the refusal"),
    ObjectKind.SUMMARY: ("1.2.840.10008.5.1.4.1.1.7", "one page for people"),
}
ANSWERED = (0x0000, 0x0111, 0xB000, 0xB006, 0xB007, 0xA700, 0x0110, 0x0213, 0xA900, 0xC000, 0x0122, 0x0124)
"""C-STORE statuses that a peer may answer, in the order of the table."""


def name_of(uid: str) -> str:
    """Return the name of a UID, as PS3.6 has it."""
    return NAMES.get(uid) or UID(uid).name


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def storage_scp() -> str:
    """Return the storage SOP classes that are accepted."""
    analysed = {MR_IMAGE, *map(str, MULTI_FRAME)}
    rows = [
        (name_of(uid), f"`{uid}`", "analysed" if uid in analysed else "kept as context, not analysed")
        for uid in net.STORAGE_SOP_CLASSES
    ]
    return table(("SOP class", "UID", "use"), rows)


def other_scp() -> str:
    """Return the other presentation contexts that are accepted."""
    stored = set(net.STORAGE_SOP_CLASSES)
    contexts = [
        item for item in net.acceptor_contexts(commits_storage=False) if str(item.abstract_syntax) not in stored
    ]
    rows = [
        (
            name_of(str(item.abstract_syntax)),
            f"`{item.abstract_syntax}`",
            "SCU of the peer's N-EVENT-REPORT" if item.scu_role else "SCP",
            ", ".join(name_of(str(syntax)) for syntax in item.transfer_syntax),
        )
        for item in contexts
    ]
    return table(("SOP class", "UID", "role", "transfer syntaxes"), rows)


def transfer_syntaxes() -> str:
    """Return the transfer syntaxes of the storage contexts, the preferred one first."""
    rows = [
        (number, name_of(uid), f"`{uid}`", "refused by the matching (SM-LOSSY)" if uid in LOSSY else "analysed")
        for number, uid in enumerate(net.TRANSFER_SYNTAXES, 1)
    ]
    return table(("", "transfer syntax", "UID", "use"), rows)


def scu() -> str:
    """Return what the node proposes."""
    rows = [
        (name_of(uid), f"`{uid}`", "C-STORE", text) for uid, text in OUTPUTS.values()
    ] + [
        (name_of(uid), f"`{uid}`", "C-STORE", "the report, where the peer takes no newer SOP class of it")
        for uid in OLDER_REPORTS
    ] + [
        (name_of(net.STORAGE_COMMITMENT_SOP_CLASS_UID), f"`{net.STORAGE_COMMITMENT_SOP_CLASS_UID}`", "N-ACTION",
         "after every delivery, unless `storage_commitment = false`"),
        (name_of(net.STUDY_ROOT_FIND_SOP_CLASS_UID), f"`{net.STUDY_ROOT_FIND_SOP_CLASS_UID}`", "C-FIND",
         "at level IMAGE, where storage commitment does not confirm; unless `confirm_by_query = false`"),
        (name_of(net.VERIFICATION_SOP_CLASS_UID), f"`{net.VERIFICATION_SOP_CLASS_UID}`", "C-ECHO",
         "`mvi-node peers echo`, `doctor`"),
    ]  # fmt: skip
    return table(("SOP class", "UID", "operation", "when"), rows)


def ae_properties() -> str:
    """Return the properties of the application entity."""
    node, tls, limits = NodeSection(), TlsSection(), TransportLimits()
    rows = [
        ("AE title", f"`{node.ae_title}`", "`node.ae_title`"),
        ("TCP port", node.port, "`node.port`"),
        ("TCP port for TLS", f"{tls.port}, off without a certificate", "`tls.port`"),
        ("associations as acceptor, at once", node.maximum_associations, "`node.maximum_associations`"),
        ("associations as initiator, at once", "one for each peer", ""),
        ("maximum PDU received", f"{limits.maximum_pdu_bytes} bytes, enforced", ""),
        ("longest association request", f"{limits.maximum_associate_bytes} bytes", ""),
        ("longest data set of a C-STORE", f"{limits.maximum_data_set_bytes} bytes", ""),
        ("presentation contexts in a request", MAXIMUM_CONTEXTS, ""),
        ("asynchronous operations", "not negotiated", ""),
        ("time to a complete association request", f"{limits.acse_timeout_s:g} s", ""),
        ("silence, and time of one PDU", f"{node.network_timeout_s:g} s", "`node.network_timeout_s`"),
        ("wait for a DIMSE response", f"{limits.dimse_timeout_s:g} s", ""),
        ("free space below which C-STORE fails", f"{node.minimum_free_bytes} bytes", "`node.minimum_free_bytes`"),
        ("Implementation Class UID", f"`{IMPLEMENTATION_CLASS_UID}`", ""),
        ("Implementation Version Name", f"`{IMPLEMENTATION_VERSION_NAME}`", ""),
    ]
    return table(("property", "value", "setting"), rows)


def rejections() -> str:
    """Return with what an association is rejected."""
    words = {
        Rejection.CALLING_AE_TITLE_NOT_RECOGNISED: "calling AE title and address are not those of a peer",
        Rejection.CALLED_AE_TITLE_NOT_RECOGNISED: "called AE title is not that of the node",
        Rejection.LOCAL_LIMIT_EXCEEDED: "as many associations as allowed are open",
    }
    return table(("result", "source", "diagnostic", "when"), [(*item.value, words[item]) for item in Rejection])


def store_statuses() -> str:
    """Return what the node answers to C-STORE."""
    source = Path(sys.modules[StoreStatus.__module__].__file__ or "").read_text(encoding="utf-8")
    rows = []
    for item in StoreStatus:
        found = re.search(rf'{item.name} = \w+\n    """(.*?)"""', source, re.DOTALL)
        rows.append(
            (
                f"0x{item.value:04X}",
                item.name.lower().replace("_", " "),
                " ".join(found[1].split()) if found else "",
            )
        )
    return table(("status", "name", "meaning"), rows)


def store_answers() -> str:
    """Return what the node does when a peer answers C-STORE."""
    deeds = {
        "delivered": "done; confirmation is asked for",
        "warning": "done, with the remark shown in `mvi-node queue`",
        "transient": "sent again, ever more rarely",
        "permanent": "not sent again; shown in `mvi-node queue` and told to the operator",
    }
    rows = [
        (f"0x{code:04X}", store_disposition(code).value, deeds[store_disposition(code).value]) for code in ANSWERED
    ]
    return table(("status", "taken as", "what follows"), rows)


def commitment_reasons() -> str:
    """Return the failure reasons of storage commitment that are put in words."""
    return table(("(0008,1197)", "reason"), [(f"0x{code:04X}", text) for code, text in FAILURE_REASONS.items()])


def tls_profile() -> str:
    """Return what is negotiated over TLS."""
    rows = [
        ("versions", "1.2 and 1.3; nothing older"),
        ("cipher suites of 1.2", f"`{CIPHERS_OF_TLS_1_2}` (OpenSSL's name for ECDHE with AES-GCM)"),
        ("peer authentication", "certificates on both sides, as acceptor and as initiator"),
        ("compression, renegotiation", "off"),
    ]
    return table(("", ""), rows)


def audit_events() -> str:
    """Return the audit messages that are written."""
    return table(("event", "code (DCM)"), [(item.value[1], item.value[0]) for item in EventId])


def private_codes() -> str:
    """Return the private codes of the results."""
    found = [
        value for value in vars(codes).values() if getattr(value, "scheme_designator", "") == codes.PRIVATE_SCHEME
    ]
    rows = [(f"`{item.value}`", item.meaning) for item in sorted(found, key=lambda item: item.value)]
    scheme = f"Coding scheme `{codes.PRIVATE_SCHEME}`, UID `{codes.PRIVATE_SCHEME_UID}`."
    return scheme + "\n\n" + table(("code", "meaning"), rows)


def attributes(path: Path) -> str:
    """Return the attributes at the top level of a result object."""
    dataset = dcmread(path, stop_before_pixels=True)
    rows = [
        (
            f"({element.tag.group:04X},{element.tag.element:04X})",
            keyword_for_tag(element.tag) or "private",
            element.VR,
            "empty" if element.is_empty else "present",
        )
        for element in dataset
    ]
    return table(("tag", "keyword", "VR", "value"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "storage-scp": storage_scp,
    "other-scp": other_scp,
    "transfer-syntaxes": transfer_syntaxes,
    "scu": scu,
    "ae-properties": ae_properties,
    "rejections": rejections,
    "store-statuses": store_statuses,
    "store-answers": store_answers,
    "commitment-reasons": commitment_reasons,
    "tls": tls_profile,
    "audit": audit_events,
    "private-codes": private_codes,
}


def filled(text: str, tables: Mapping[str, str]) -> str:
    """Return the document with these tables between their marks."""
    for name, content in tables.items():
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise ValueError(f"{DOCUMENT.name} has no place for the table {name}")
        text = mark.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)  # type: ignore[misc]
    return text


def main(arguments: Sequence[str]) -> None:
    """Write the tables into the document."""
    tables = {name: make() for name, make in TABLES.items()}
    if arguments[:1] == ["--results"]:
        folder = Path(arguments[1])
        tables |= {f"attributes-{kind}": attributes(folder / f"{kind}.dcm") for kind in ObjectKind}
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

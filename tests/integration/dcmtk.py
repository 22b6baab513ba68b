"""DCMTK's own PACS and receiver as processes, which can be told to misbehave."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scu import echo
from tests.integration.orthanc import free_port

LOOPBACK = "127.0.0.1"
START_S = 20.0

_PROFILES = """\
[[TransferSyntaxes]]
[Uncompressed]
TransferSyntax1 = LocalEndianExplicit
TransferSyntax2 = LittleEndianImplicit
[[PresentationContexts]]
[Only]
{contexts}
[[Profiles]]
[Default]
PresentationContexts = Only
"""


@contextmanager
def running_dcmqrscp(
    folder: Path, *, knows: str = "", port: int | None = None, options: Sequence[str] = ()
) -> Iterator[RemoteAE]:
    """Run `dcmqrscp` as PACS with its index in `folder`: storage and query, no storage commitment.

    Parameters
    ----------
    knows
        The one calling AE title that it serves, from this machine; empty: any.
    """
    (folder / "kept").mkdir(parents=True, exist_ok=True)
    known = f"us = ({knows}, localhost, 104)" if knows else ""
    (folder / "dcmqrscp.cfg").write_text(
        "MaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{known}\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRPACS {folder / 'kept'} RW (200, 64mb) {'us' if knows else 'ANY'}\nAETable END\n",
        encoding="utf-8",
    )
    peer = RemoteAE("QRPACS", LOOPBACK, port or free_port())
    command = ["/usr/bin/dcmqrscp", "-c", str(folder / "dcmqrscp.cfg"), *options, str(peer.port)]
    with _running(command, peer, knows or "ME"):
        yield peer


@contextmanager
def running_storescp(
    folder: Path, *options: str, sop_classes: Sequence[str] = (), full: bool = False, port: int | None = None
) -> Iterator[RemoteAE]:
    """Run `storescp`, which stores in `folder` and neither commits nor answers queries.

    Parameters
    ----------
    sop_classes
        Names of what it takes, as in DCMTK's configuration; none: everything.
    full
        Not one byte can be written to a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    peer = RemoteAE("STORESCP", LOOPBACK, port or free_port())
    command = ["/usr/bin/storescp", "-od", str(folder), *options]
    if sop_classes:
        profile = folder / "storescp.cfg"
        lines = (
            f"PresentationContext{number} = {name}\\Uncompressed"
            for number, name in enumerate(("VerificationSOPClass", *sop_classes), 1)
        )
        profile.write_text(_PROFILES.format(contexts="\n".join(lines)), encoding="utf-8")
        command += ["-xf", str(profile), "Default"]
    command.append(str(peer.port))
    if full:
        # A limit on the size of files, whose signal is ignored, makes each write fail as on a full disk.
        command = ["/bin/bash", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "full", *command]
    with _running(command, peer, "ME", plain="+tls" not in options):
        yield peer


@contextmanager
def _running(
    command: Sequence[str], peer: RemoteAE, calling_ae_title: str, *, plain: bool = True
) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not (_answers(peer, calling_ae_title) if plain else _listens(peer)):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(20)


def _listens(peer: RemoteAE) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((peer.host, peer.port)) == 0


def _answers(peer: RemoteAE, calling_ae_title: str) -> bool:
    try:
        echo(peer, calling_ae_title=calling_ae_title)
    except PeerError:
        return False
    return True

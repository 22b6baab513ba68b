"""A real Orthanc on free loopback ports, with its DICOMweb plug-in, for one test session."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S = 60.0
PLUGINS = [str(path) for path in Path("/usr/share/orthanc/plugins").glob("libOrthancDicomWeb.so")]


def free_port() -> int:
    """Return a TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc: AE title, DICOM port, HTTP port."""

    ae_title: str
    port: int
    http_port: int

    def get(self, path: str) -> Any:
        """Return the parsed answer of its REST API."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            return json.load(answer)

    def file(self, instance: str) -> bytes:
        """Return the Part 10 bytes of one of its instances."""
        url = f"http://127.0.0.1:{self.http_port}/instances/{instance}/file"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read())

    def instances_of_modality(self, modality: str) -> list[str]:
        """Return Orthanc's identifiers of the instances of one modality."""
        found = []
        for series in self.get("/series"):
            document = self.get(f"/series/{series}")
            if document["MainDicomTags"].get("Modality") == modality:
                found += document["Instances"]
        return found


@contextmanager
def running_orthanc(
    folder: Path, modalities: dict[str, tuple[str, str, int]], *, fsync: bool = False
) -> Iterator[Orthanc]:
    """Run Orthanc in `folder`; `modalities` are name -> (AE title, host, port), for storage commitment.

    `fsync` is Orthanc's own default (SyncStorageArea); the tests do without, it is their PACS and not the subject.
    """
    orthanc = Orthanc("ORTHANC", free_port(), free_port())
    configuration = {
        "Name": "test", "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"),
        "DicomAet": orthanc.ae_title, "DicomPort": orthanc.port, "HttpPort": orthanc.http_port,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True, "Plugins": PLUGINS, "DicomWeb": {"Enable": True},
        "DicomModalities": {name: list(peer) for name, peer in modalities.items()},
        "SyncStorageArea": fsync, "StableAge": 1,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["/usr/sbin/Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            _wait_until_it_answers(orthanc, process, folder / "orthanc.log")
            yield orthanc
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_it_answers(orthanc: Orthanc, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"Orthanc ended: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        try:
            orthanc.get("/system")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Orthanc did not answer in time")

"""Files as an enemy would write them: none crashes a worker, holds up another study, or takes more than 1 GB."""

import json
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_io.network.identity import read_file_identity
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import send_files
from node.states import RESTING
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.victim import SCANNER, Victim, wait_for, zygote
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard
from tests.unit.dicom_io.network.instances import encode

MAXIMUM_BYTES = 1_000_000_000
MAXIMUM_S = 300.0
"""For all of them together, on a busy machine, s."""
NESTING = 10_000
TALL = 65_535
PRIVATE = struct.pack("<HH", 0x6FFF, 0x1010)
SHARED_GROUPS = struct.pack("<HH", 0x5200, 0x9229)
_TELL_STATUS_AT_THE_END = """
import atexit, runpy, sys
from pathlib import Path
report = Path(sys.argv.pop(1))
atexit.register(lambda: report.write_text(Path("/proc/self/status").read_text()))
runpy.run_module("node", run_name="__main__", alter_sys=True)
"""
"""A program that ends in another way leaves no report, and the case is an error."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Enemy:
    """One hostile file, in a study that is whole but for it.

    Parameters
    ----------
    write
        Takes an ordinary T2 slice and its path, and writes something else there.
    received
        Whether the receiver takes it; what it refuses is met in folders only.
    pixels
        Whether it is met where pixels are decoded: then every slice is one, and the study is whole.
    """

    name: str
    write: Callable[[Dataset, Path], None]
    received: bool = True
    pixels: bool = False


def _raw(ds: Dataset, path: Path, *, extra: bytes = b"", pixels: bytes | None = None, syntax: str = "") -> None:
    """Write a file whose last elements are given as bytes."""
    own = Dataset()
    own.update({tag: ds[tag] for tag in ds.keys() if tag < 0x50000000})  # noqa: SIM118 - a data set is no mapping
    tail = ds.PixelData if pixels is None else pixels
    length = 0xFFFFFFFF if syntax else len(tail)
    element = struct.pack("<HH2s2xL", 0x7FE0, 0x0010, b"OW" if not syntax else b"OB", length) + tail
    _part10(path, ds, encode(own) + extra + element, syntax or ExplicitVRLittleEndian)


def _part10(path: Path, ds: Dataset, data_set: bytes, syntax: str) -> None:
    meta = ds.file_meta
    meta.TransferSyntaxUID = UID(syntax)
    holder = Dataset()
    holder.SOPClassUID, holder.SOPInstanceUID, holder.file_meta = ds.SOPClassUID, ds.SOPInstanceUID, meta
    holder.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
    content = path.read_bytes()
    end = 144 + int.from_bytes(content[140:144], "little")
    path.write_bytes(content[:end] + data_set)


def _fragments(*frames: bytes) -> bytes:
    """Encapsulate frames (PS3.5 A.4)."""
    items = [b"", *(frame + b"\0" * (len(frame) % 2) for frame in frames)]
    return b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items) + struct.pack(
        "<HHL", 0xFFFE, 0xE0DD, 0
    )


def deep_without_lengths(ds: Dataset, path: Path) -> None:
    opening = SHARED_GROUPS + b"SQ\0\0\xff\xff\xff\xff" + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    _raw(ds, path, extra=opening * NESTING + closing * NESTING)


def deep_with_lengths(ds: Dataset, path: Path) -> None:
    nested = b""
    for _ in range(NESTING):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(nested)) + nested
        nested = SHARED_GROUPS + b"SQ\0\0" + struct.pack("<L", len(item)) + item
    _raw(ds, path, extra=nested)


def tall_and_short(ds: Dataset, path: Path) -> None:
    ds.Rows = ds.Columns = TALL
    _raw(ds, path)


def run_lengths_that_expand(ds: Dataset, path: Path) -> None:
    segment = b"\x81\x00" * 500_000
    header = struct.pack("<16L", 2, 64, 64 + len(segment), *[0] * 13)
    _raw(ds, path, pixels=_fragments(header + segment + segment), syntax=RLELossless)


def run_lengths_of_a_huge_frame(ds: Dataset, path: Path) -> None:
    ds.Rows = ds.Columns = 16_384
    segment = b"\x81\x00" * (16_384 * 16_384 // 128)
    header = struct.pack("<16L", 2, 64, 64 + len(segment), *[0] * 13)
    _raw(ds, path, pixels=_fragments(header + segment + segment), syntax=RLELossless)


def jpeg_2000_of_another_size(ds: Dataset, path: Path) -> None:
    size = struct.pack(">HHLLLLLLLLH3B", 41, 0, 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0, 1, 15, 1, 1)
    _raw(ds, path, pixels=_fragments(b"\xff\x4f\xff\x51" + size + b"\xff\xd9"), syntax=JPEG2000Lossless)


def jpeg_of_another_size(ds: Dataset, path: Path) -> None:
    frame = struct.pack(">HHHBHHB3B", 0xFFD8, 0xFFC3, 11, 16, 60_000, 60_000, 1, 1, 0x11, 0)
    _raw(ds, path, pixels=_fragments(frame + b"\xff\xd9"), syntax=JPEGLosslessSV1)


def jpeg_ls_of_another_size(ds: Dataset, path: Path) -> None:
    frame = struct.pack(">HHHBHHB3B", 0xFFD8, 0xFFF7, 11, 16, 60_000, 60_000, 1, 1, 0x11, 0)
    _raw(ds, path, pixels=_fragments(frame + b"\xff\xd9"), syntax=JPEGLSLossless)


def inflates_to_two_gigabytes(ds: Dataset, path: Path) -> None:
    own = Dataset()
    own.update({tag: ds[tag] for tag in ds.keys() if tag < 0x50000000})  # noqa: SIM118 - as above
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data_set = deflater.compress(encode(own)) + deflater.flush(zlib.Z_FULL_FLUSH)
    # Behind a full flush nothing refers to what was before: one block may be repeated.
    nothing = deflater.compress(bytes(2**24)) + deflater.flush(zlib.Z_FULL_FLUSH)
    data_set += nothing * 128 + deflater.flush()
    _part10(path, ds, data_set, DeflatedExplicitVRLittleEndian)


def length_of_two_gigabytes(ds: Dataset, path: Path) -> None:
    _raw(ds, path, extra=PRIVATE + b"OB\0\0" + struct.pack("<L", 0x7FFFFFF0) + b"short")


def length_of_two_gigabytes_wanted(ds: Dataset, path: Path) -> None:
    _raw(ds, path, extra=SHARED_GROUPS + b"SQ\0\0" + struct.pack("<L", 0x7FFFFFF0) + b"short")


def five_million_elements(ds: Dataset, path: Path) -> None:
    _raw(ds, path, extra=(PRIVATE + b"SH\0\0") * 5_000_000)


def two_million_items(ds: Dataset, path: Path) -> None:
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    _raw(
        ds,
        path,
        extra=PRIVATE + b"SQ\0\0\xff\xff\xff\xff" + item * 2_000_000 + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0),
    )


def path_in_the_study_uid(ds: Dataset, path: Path) -> None:
    _with_study_uid(ds, path, b"../../../../tmp/owned ")


def nul_in_the_study_uid(ds: Dataset, path: Path) -> None:
    _with_study_uid(ds, path, b"1.2\0.3")


def _with_study_uid(ds: Dataset, path: Path, uid: bytes) -> None:
    marker = "1.2.3".ljust(len(uid), "9")
    ds.StudyInstanceUID = marker
    _raw(ds, path)
    path.write_bytes(path.read_bytes().replace(marker.encode(), uid))


def markup_and_escapes(ds: Dataset, path: Path) -> None:
    ds.SeriesDescription = "[/red]\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>$\\frac$\x9b31m"[:64]
    ds.ProtocolName = "{0.__class__} %s %n [bold]"
    ds.PatientName = "\x1b[31m<b>^$\\sqrt"
    _raw(ds, path)


def unknown_character_set(ds: Dataset, path: Path) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SeriesDescription = "Ax T2 M\u00e9tas"
    _raw(ds, path)
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 999"))


def bytes_of_no_character_set(ds: Dataset, path: Path) -> None:
    ds.SeriesDescription = "T2 ABCDEF"
    ds.PatientName = "NAME ABCDEF"
    _raw(ds, path)
    path.write_bytes(path.read_bytes().replace(b"ABCDEF", b"\xff\xfe\x80\x1b$B"))


ENEMIES = (
    Enemy("10,000 sequences without lengths", deep_without_lengths),
    Enemy("10,000 sequences with lengths", deep_with_lengths),
    Enemy("65535 x 65535 with short pixels", tall_and_short, pixels=True),
    Enemy("run lengths that expand a thousandfold", run_lengths_that_expand, pixels=True),
    Enemy("run lengths of 16384 x 16384", run_lengths_of_a_huge_frame, pixels=True),
    Enemy("JPEG 2000 of 60000 x 60000", jpeg_2000_of_another_size, pixels=True),
    Enemy("JPEG of 60000 x 60000", jpeg_of_another_size, pixels=True),
    Enemy("JPEG-LS of 60000 x 60000", jpeg_ls_of_another_size, pixels=True),
    Enemy("deflated, inflates to 2 GB", inflates_to_two_gigabytes, received=False),
    Enemy("a length of 2 GB", length_of_two_gigabytes),
    Enemy("a sequence of 2 GB", length_of_two_gigabytes_wanted),
    Enemy("5 million elements", five_million_elements),
    Enemy("2 million items of a sequence", two_million_items),
    Enemy("a path for a study", path_in_the_study_uid, received=False),
    Enemy("NUL in a UID", nul_in_the_study_uid, received=False),
    Enemy("markup and escape sequences", markup_and_escapes),
    Enemy("an unknown character set", unknown_character_set),
    Enemy("bytes of no character set", bytes_of_no_character_set),
)


def write_enemies(folder: Path, enemies: Sequence[Enemy]) -> dict[str, str]:
    """Write a study for each in a folder of its own; return their UIDs by name.

    Only an enemy that is met where pixels are decoded gets a whole one: the others lack DWI.
    """
    found = {}
    for number, enemy in enumerate(enemies):
        own = folder / f"{number:02d}"
        own.mkdir(parents=True)
        writer = StudyWriter(own)
        wanted = standard(writer, without=() if enemy.pixels else ("DWI",))
        victims = [path for path in sorted(own.iterdir()) if _series(path) == wanted["T2"]]
        for victim in victims if enemy.pixels else victims[:1]:
            enemy.write(dcmread(victim), victim)
        found[enemy.name] = writer.study_instance_uid
    return found


def _series(path: Path) -> str:
    return read_file_identity(path).identity.series_instance_uid


def in_folders(folder: Path, cases: int) -> FaultRecord:
    """Give all of them to `match`, and to `analyse`, as folders; a case is one file under one verb."""
    enemies = ENEMIES[: (cases + 1) // 2]
    studies = write_enemies(folder / "in", enemies)
    failures: list[str] = []
    figures = []
    for verb in (["match"], ["analyse", "--out", str(folder / "out")]):
        ended = _run([verb[0], str(folder / "in"), *verb[1:], "--json"], folder / verb[0])
        documents = json.loads(ended.stdout)["studies"] if ended.stdout.startswith("{") else []
        codes = {entry["study_instance_uid"]: entry.get("code") for entry in documents}
        if verb[0] == "analyse":
            failures += [f"{name} has no refusal" for name, uid in studies.items() if not codes.get(uid)]
        failures += [f"{verb[0]}: {name} is missing" for name, uid in studies.items() if uid not in codes]
        failures += [f"{verb[0]}: {problem}" for problem in ended.problems()]
        figures.append(f"{verb[0]} {ended.wall_s:.0f} s, {ended.peak_bytes / 1e6:.0f} MB")
    return record("hostile files in folders", 2 * len(enemies), failures, ", ".join(figures))


@dataclass(frozen=True)
class Ended:
    """A verb that has ended, and what it took."""

    code: int
    stdout: str
    stderr: str
    peak_bytes: int
    wall_s: float

    def problems(self) -> list[str]:
        """Say what a user must not see, and what a machine must not bear."""
        found = [] if self.code in (0, 3) else [f"exit code {self.code}"]
        found += ["a traceback"] if "Traceback" in self.stderr else []
        found += ["control characters"] if CONTROL.search(self.stdout + self.stderr) else []
        found += [f"{self.peak_bytes} bytes"] if self.peak_bytes > MAXIMUM_BYTES else []
        found += [f"{self.wall_s:.0f} s"] if self.wall_s > MAXIMUM_S else []
        return found


def _run(arguments: Sequence[str], log: Path) -> Ended:
    began = time.monotonic()
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    with out.open("wb") as stdout, err.open("wb") as stderr:
        # What wait4 tells is at least what this process holds itself: a child begins in the memory of its parent.
        # VmHWM begins anew with each program.
        status = log.with_suffix(".status")
        command = [sys.executable, "-c", _TELL_STATUS_AT_THE_END, str(status), *arguments]
        code = subprocess.run(command, stdout=stdout, stderr=stderr, check=False).returncode
    stdout_text, stderr_text = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
    wall_s = time.monotonic() - began
    return Ended(code, stdout_text, stderr_text, _high_water_bytes(status.read_text(encoding="utf-8")), wall_s)


def through_the_node(folder: Path, cases: int) -> FaultRecord:
    """Send them to a node, and an ordinary study behind them; a case is one file."""
    enemies = [enemy for enemy in ENEMIES if enemy.received][:cases]
    studies = write_enemies(folder / "in", enemies)
    writer = StudyWriter(folder)
    standard(writer, without=("DWI",))
    failures: list[str] = []
    with zygote() as nodes, Victim(nodes, folder / "node") as victim:
        with _Watch(victim) as watch:
            for path in [*sorted((folder / "in").rglob("*.dcm")), *sorted(folder.glob("*.dcm"))]:
                failures += _not_taken(victim, path)
            everyone = {**studies, "the ordinary study": writer.study_instance_uid}
            ends = _wait_for_ends(victim, set(everyone.values()))
        for name, uid in everyone.items():
            state, code = ends.get(uid, ("missing", None))
            if state != "refused" or not code:
                failures.append(f"{name} ended {state} {code}")
        log = victim.log.read_text(encoding="utf-8")
        failures += ["a traceback in the log"] if "Traceback" in log else []
        failures += ["control characters in the log"] if CONTROL.search(log) else []
        failures += [f"{watch.peak_bytes} bytes"] if watch.peak_bytes > MAXIMUM_BYTES else []
        failures += [] if victim.answers() else ["C-ECHO is not answered"]
    detail = f"the largest process took {watch.peak_bytes / 1e6:.0f} MB; every study ended in a coded refusal"
    return record("hostile files through the node", len(enemies), failures, detail)


def _not_taken(victim: Victim, path: Path) -> list[str]:
    (outcome,) = send_files([path], victim.address, calling_ae_title=SCANNER)
    return [] if outcome.disposition is Disposition.DELIVERED else [f"{path.name}: {outcome.message}"]


def _wait_for_ends(victim: Victim, studies: set[str]) -> dict[str, tuple[Any, Any]]:
    with victim.ledger() as ledger:

        def ended() -> bool:
            return sum(study.state in RESTING for study in ledger.studies.all()) >= len(studies)

        wait_for(ended, f"the ends\n{victim.tail()}", MAXIMUM_S)
        return {study.study_instance_uid: (study.state.value, study.code) for study in ledger.studies.all()}


class _Watch:
    """The largest memory of any process of a node while the block runs."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.2):
            self.peak_bytes = max([self.peak_bytes, *map(_peak_bytes, self._victim.processes())])


def _peak_bytes(process: int) -> int:
    try:
        return _high_water_bytes(Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        return 0


def _high_water_bytes(status: str) -> int:
    """Read the largest memory of a process from its /proc/PID/status; one that has ended has none."""
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


FAULTS = (
    Fault("hostile files in folders", in_folders, cases=2 * len(ENEMIES), short=8),
    Fault("hostile files through the node", through_the_node, cases=15, short=4),
)

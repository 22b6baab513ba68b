"""Stand-ins that the tests of the node share."""

import hashlib
from datetime import UTC, datetime, timedelta

from node.ledger.ledger import Ledger
from node.ledger.records import Claim, InstanceRecord, ObjectKind, ResultObject

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
STUDY = "1.2.826.0.1.3680043.10.1"


class FakeClock:
    """Time of day and monotonic clock in one; both stand still until told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.monotonic = 1000.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic_s(self) -> float:
        return self.monotonic

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds


def instance(
    clock: FakeClock, number: int = 1, *, study: str = STUDY, sop_class: str = MR_IMAGE, content: str = "bytes"
) -> InstanceRecord:
    sha256 = hashlib.sha256(f"{content} {number}".encode()).hexdigest()
    return InstanceRecord(
        study_instance_uid=study,
        series_instance_uid=f"{study}.1",
        sop_instance_uid=f"{study}.1.{number}",
        sop_class_uid=sop_class,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        path=f"inbox/{study}-{number}-{sha256[:8]}.dcm",
        content_sha256=sha256,
        size_bytes=1024,
        received_at=clock(),
        calling_ae_title="SCANNER",
        peer="127.0.0.1",
    )


def make_ready(ledger: Ledger, clock: FakeClock, study: str = STUDY) -> None:
    """Bring a study of one image to where a worker takes it."""
    ledger.record_instance(instance(clock, study=study))
    assert ledger.work.complete(ledger.studies.get(study), "test")


def take(ledger: Ledger, owner: str = "worker") -> Claim:
    claim = ledger.work.claim(owner, 60)
    assert claim is not None
    return claim


def result_objects(study: str = STUDY, version: str = "1") -> tuple[ResultObject, ...]:
    """Three objects, not in the order in which they must be sent."""
    return tuple(
        ResultObject(kind, sop_class, f"{study}.9.{version}.{number}", f"results/{version}/{kind}.dcm")
        for number, (kind, sop_class) in enumerate(
            [
                (ObjectKind.SUMMARY, "1.2.840.10008.5.1.4.1.1.7"),
                (ObjectKind.SR, "1.2.840.10008.5.1.4.1.1.88.34"),
                (ObjectKind.SEG, SEGMENTATION),
            ]
        )
    )


class Page:
    """Refers to itself, as the pages of results do: only the collector of cycles takes it away."""

    def __init__(self) -> None:
        self.itself = self

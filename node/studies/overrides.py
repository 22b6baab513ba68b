"""What people assigned, from the ledger to series matching."""

from collections.abc import Iterable
from datetime import datetime

from dicom_io.assembly.match_result import Assigned
from dicom_io.assembly.overrides import Override
from node.ledger.assignments import AssignmentRecord
from pipeline.study import Role


def overrides_of(records: Iterable[AssignmentRecord]) -> tuple[Override, ...]:
    """Return assignments as series matching takes them, those that were withdrawn included."""
    return tuple(
        Override(
            Role(record.role),
            record.sop_instance_uid,
            record.frame_number,
            record.series_number,
            Assigned(record.assigned_by, shown(record.assigned_at)),
            None
            if record.withdrawn_at is None
            else Assigned(record.withdrawn_by or "", shown(record.withdrawn_at)),
        )
        for record in records
    )


def shown(at: datetime) -> str:
    """Return a time as results show it: ISO 8601, UTC, to the second."""
    return at.isoformat(timespec="seconds")

"""A short soak, so that `make test` sees a study that is lost, and a leak of a thread or handle an association."""

from pathlib import Path

import pytest

from tests.soak.mixed import SHORT, soak_mixed
from tests.soak.reception import soak_associations, soak_instances

pytestmark = pytest.mark.slow


# Analyses go last on a machine that others use, too: long is no failure here.
@pytest.mark.timeout(1800)
def test_traffic_when_faults_come_and_go_then_nothing_is_lost_or_doubled_and_nothing_grows(tmp_path: Path) -> None:
    records = soak_mixed(tmp_path, SHORT)
    assert len(records) == 5
    assert all(record.cases for record in records)
    assert not [f"{record.name}: {record.detail}" for record in records if record.failed]


def test_memory_when_instances_come_then_stays(tmp_path: Path) -> None:
    found = soak_instances(tmp_path, 400)
    assert found.failed == 0, found.detail


def test_memory_when_connections_come_and_go_then_stays(tmp_path: Path) -> None:
    found = soak_associations(tmp_path, 300)
    assert found.failed == 0, found.detail

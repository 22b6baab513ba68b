import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.audit.events import Action, AuditEvent, EventId, EventType, Participant, Role, event_from_json
from node.audit.trail import AuditTrailError, Trail

EVENT = AuditEvent(
    EventId.INSTANCES_TRANSFERRED,
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    Action.CREATE,
    (Participant("SCANNER", Role.SOURCE, "10.0.0.7", is_requestor=True), Participant("MVINODE", Role.DESTINATION)),
    study_instance_uid="1.2.3",
    instances=7,
)


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    written = Trail(tmp_path)
    for number in range(3):
        written.append(EVENT, {"instances": number})
    return written


def test_event_when_kept_as_json_then_comes_back_the_same() -> None:
    typed = AuditEvent(EventId.APPLICATION_ACTIVITY, EVENT.at, Action.EXECUTE, EVENT.participants, EventType.STOP)
    for event in (EVENT, typed):
        assert event_from_json(json.loads(json.dumps(event.to_json()))) == event


def test_trail_when_written_then_it_is_whole_and_knows_its_position(trail: Trail) -> None:
    assert trail.problems() == []
    assert [record["number"] for record in trail.records()] == [1, 2, 3]
    assert trail.position() == {"instances": 2}
    assert trail.path.stat().st_mode & 0o777 == 0o600


def test_trail_when_a_line_is_changed_then_that_line_is_named(trail: Trail) -> None:
    lines = trail.path.read_text().splitlines()
    lines[1] = lines[1].replace("SCANNER", "NOBODY")
    trail.path.write_text("\n".join(lines) + "\n")
    assert trail.problems() == ["line 2 was changed after it was written"]


@pytest.mark.parametrize("kept", [(0, 2), (1, 2), (1, 0, 2)])
def test_trail_when_a_line_is_missing_or_moved_then_it_shows(trail: Trail, kept: tuple[int, ...]) -> None:
    lines = trail.path.read_text().splitlines()
    trail.path.write_text("".join(f"{lines[number]}\n" for number in kept))
    assert "is missing or was changed" in trail.problems()[0]


def test_trail_when_a_line_is_no_json_then_it_is_named(trail: Trail) -> None:
    trail.path.write_text(trail.path.read_text() + "rubbish\n")
    assert trail.problems() == ["line 4 of the audit trail is damaged"]
    with pytest.raises(AuditTrailError):
        trail.append(EVENT)


def test_trail_when_power_cut_a_line_short_then_the_next_takes_its_place(trail: Trail) -> None:
    whole = trail.path.read_bytes()
    trail.path.write_bytes(whole + whole.splitlines()[0][:50])
    trail.append(EVENT)
    assert trail.problems() == []
    assert trail.path.read_bytes().startswith(whole)


def append_many(storage: Path) -> None:
    for _ in range(20):
        Trail(storage).append(EVENT)


def test_trail_when_several_processes_write_then_it_is_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(tmp_path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert Trail(tmp_path).problems() == []
    assert sum(1 for _ in Trail(tmp_path).records()) == 60

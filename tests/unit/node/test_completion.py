from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.sections.studies import CompletionSection
from dicom_io.assembly.overrides import Override
from dicom_io.assembly.progress import StudyProgress
from node.completion import Completion
from node.ledger.assignments import Assignment
from node.ledger.ledger import Ledger
from node.states import StudyState
from pipeline.study import Role
from tests.unit.node.doubles import SEGMENTATION, STUDY, FakeClock, instance

SETTINGS = CompletionSection(settle_s=60, deadline_s=600, check_every_s=5)


class FakeHeaders:
    """Says of a study what it is told to say, and counts how often it is asked."""

    def __init__(self, **status: str) -> None:
        self.progress = StudyProgress()
        self.status: Mapping[Role, str] = dict.fromkeys(Role, "filled") | {
            Role(role): answer for role, answer in status.items()
        }
        self.asked: list[Sequence[Path]] = []
        self.broken = False
        self.overrides: Sequence[Override] = ()

    def __call__(self, paths: Sequence[Path], overrides: Sequence[Override]) -> StudyProgress:
        self.overrides = overrides
        self.asked.append(paths)
        if self.broken:
            raise OSError("unreadable")
        return replace(self.progress, roles=self.status)


@pytest.fixture
def headers() -> FakeHeaders:
    return FakeHeaders()


@pytest.fixture
def completion(ledger: Ledger, clock: FakeClock, headers: FakeHeaders) -> Completion:
    ledger.record_instance(instance(clock))
    return Completion(ledger, Path("storage"), headers, SETTINGS, clock.monotonic_s)


def state(ledger: Ledger) -> StudyState:
    return ledger.studies.get(STUDY).state


def test_check_when_roles_are_filled_and_settled_then_the_study_is_ready(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    clock.advance(59)
    assert completion.check() == 0
    clock.advance(1)
    assert completion.check() == 1
    assert state(ledger) is StudyState.READY
    assert headers.asked == [[Path("storage") / ledger.studies.instances(STUDY)[0].path]]


def test_check_when_an_image_keeps_coming_then_the_settle_time_starts_anew(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    for number in range(2, 6):
        clock.advance(50)
        assert completion.check() == 0
        ledger.record_instance(instance(clock, number))
    assert headers.asked == []


def test_check_when_a_role_is_empty_then_silence_does_not_complete_the_study(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    headers.status = {**headers.status, Role.T1_HEPATOBILIARY: "empty"}
    for _ in range(5):
        clock.advance(100)
        completion.check()
    assert state(ledger) is StudyState.RECEIVING
    assert len(headers.asked) == 1


@pytest.mark.parametrize("status", ["empty", "ambiguous"])
def test_check_when_the_deadline_passes_then_the_study_goes_to_its_refusal(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders, status: str
) -> None:
    headers.status = {**headers.status, Role.T1_HEPATOBILIARY: status}
    clock.advance(599)
    assert completion.check() == 0
    clock.advance(1)
    assert completion.check() == 1
    assert ledger.history(STUDY)[-1].detail == "deadline, without T1_HEPATOBILIARY"


def test_check_when_the_missing_phase_arrives_then_reads_the_headers_again(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    filled = headers.status
    headers.status = {**filled, Role.T1_HEPATOBILIARY: "empty"}
    clock.advance(60)
    completion.check()
    headers.status = filled
    ledger.record_instance(instance(clock, 2))
    clock.advance(60)
    assert completion.check() == 1
    assert [len(paths) for paths in headers.asked] == [1, 2]


def test_check_when_the_time_of_day_steps_back_then_the_study_does_not_wait_for_it(
    ledger: Ledger, clock: FakeClock, completion: Completion
) -> None:
    completion.check()
    clock.now = clock.now.replace(hour=0)
    clock.monotonic += 60
    assert completion.check() == 1


@pytest.mark.parametrize("seen", [True, False])
def test_check_when_the_time_of_day_steps_forward_then_the_study_is_not_ended(
    ledger: Ledger, clock: FakeClock, completion: Completion, seen: bool
) -> None:
    completion.check()
    if not seen:
        ledger.record_instance(instance(clock, 2))
    clock.advance(5)
    clock.now += timedelta(hours=2)
    assert completion.check() == 0
    clock.advance(54)
    assert completion.check() == 0
    clock.advance(1)
    assert completion.check() == 1


def test_check_when_the_node_starts_then_the_quiet_time_before_counts(
    ledger: Ledger, clock: FakeClock, headers: FakeHeaders
) -> None:
    ledger.record_instance(instance(clock))
    clock.advance(60)
    restarted = Completion(ledger, Path("storage"), headers, SETTINGS, clock.monotonic_s)
    assert restarted.check() == 1


def test_check_when_the_headers_cannot_be_read_then_others_go_on_and_the_deadline_ends_it(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    headers.broken = True
    clock.advance(60)
    assert completion.check() == 0
    clock.advance(600)
    assert completion.check() == 1


def test_check_when_a_study_is_only_context_then_it_is_left_alone(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    ledger.record_instance(instance(clock, study=f"{STUDY}.7", sop_class=SEGMENTATION))
    clock.advance(1e6)
    assert completion.check() == 1
    assert ledger.studies.get(f"{STUDY}.7").state is StudyState.RECEIVING


def test_check_when_an_image_arrives_while_headers_are_read_then_the_study_goes_on_receiving(
    ledger: Ledger, clock: FakeClock, headers: FakeHeaders
) -> None:
    ledger.record_instance(instance(clock))

    def read(paths: Sequence[Path], overrides: Sequence[Override]) -> StudyProgress:
        ledger.record_instance(replace(instance(clock, 2), received_at=clock()))
        return headers(paths, overrides)

    completion = Completion(ledger, Path("storage"), read, SETTINGS, clock.monotonic_s)
    clock.advance(60)
    assert completion.check() == 0
    assert state(ledger) is StudyState.RECEIVING


@pytest.mark.parametrize(
    ("days", "waits"), [(0, True), (1, True), (-1, True), (2, False), (-700, False), (None, False)]
)
def test_check_when_the_hepatobiliary_phase_cannot_have_been_acquired_then_a_study_of_today_waits_for_it(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders, days: int | None, waits: bool
) -> None:
    acquired_on = None if days is None else clock.now.date() + timedelta(days=days)
    headers.status = {**headers.status, Role.T1_HEPATOBILIARY: "empty"}
    headers.progress = StudyProgress(hepatobiliary_due_s=1100, acquired_on=acquired_on)
    clock.advance(SETTINGS.deadline_s)
    assert completion.check() == int(not waits)
    clock.advance(1099)
    assert completion.check() == 0
    clock.advance(1)
    assert completion.check() == int(waits)


def test_check_when_an_instance_came_again_with_other_bytes_then_both_files_are_looked_at(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    ledger.record_instance(instance(clock, content="other"))
    clock.advance(60)
    assert completion.check() == 1
    assert [len(paths) for paths in headers.asked] == [2]


def test_check_when_a_series_is_assigned_then_the_headers_are_read_again_with_it(
    ledger: Ledger, clock: FakeClock, completion: Completion, headers: FakeHeaders
) -> None:
    headers.status = {**headers.status, Role.T2: "ambiguous"}
    clock.advance(60)
    assert completion.check() == 0
    ledger.assignments.change(STUDY, [Assignment("T2", "1.2.3", 7, "", "1.2.3.4", 1)], [], "anna")
    headers.status = dict.fromkeys(Role, "filled")
    completion.check()
    clock.advance(60)
    assert completion.check() == 1
    assert [item.role for item in headers.overrides] == [Role.T2]

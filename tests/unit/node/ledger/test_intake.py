from dataclasses import replace
from datetime import timedelta

import pytest

from node.ledger.ledger import Ledger
from node.ledger.records import Recorded
from node.ledger.rows import UnknownStudyError
from node.states import StudyState
from tests.unit.node.doubles import SEGMENTATION, STUDY, FakeClock, instance, make_ready


def test_record_instance_when_new_then_opens_its_study(ledger: Ledger, clock: FakeClock) -> None:
    record = instance(clock)
    assert ledger.record_instance(record) is Recorded.NEW
    study = ledger.studies.get(STUDY)
    assert (study.state, study.generation, study.images) == (StudyState.RECEIVING, 1, 1)
    assert ledger.studies.instances(STUDY) == (record,)


def test_record_instance_when_repeated_then_changes_nothing(ledger: Ledger, clock: FakeClock) -> None:
    ledger.record_instance(instance(clock))
    before = ledger.studies.get(STUDY)
    clock.advance(10)
    again = replace(instance(clock), path="inbox/elsewhere.dcm", calling_ae_title="OTHER")
    assert ledger.record_instance(again) is Recorded.DUPLICATE
    assert ledger.studies.get(STUDY) == before
    assert len(ledger.studies.instances(STUDY)) == 1


def test_record_instance_when_bytes_differ_then_keeps_both_and_analyses_the_first(
    ledger: Ledger, clock: FakeClock
) -> None:
    first, other = instance(clock), instance(clock, content="other")
    ledger.record_instance(first)
    assert ledger.record_instance(other) is Recorded.CONFLICT
    assert ledger.studies.get(STUDY).conflicting
    assert ledger.studies.instances(STUDY) == (first,)
    assert ledger.studies.known_paths() == {first.path, other.path}
    assert ledger.record_instance(other) is Recorded.DUPLICATE


def test_record_instance_when_bytes_differ_then_the_study_is_analysed_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    other = instance(clock, content="other")
    ledger.record_instance(other)
    study = ledger.studies.get(STUDY)
    assert (study.state, study.generation, study.images) == (StudyState.RECEIVING, 2, 1)
    assert ledger.studies.conflicting(STUDY) == (other.sop_instance_uid,)
    assert [found.path for found in ledger.studies.files(STUDY)] == [instance(clock).path, other.path]
    ledger.record_instance(other)
    assert ledger.studies.get(STUDY).generation == 2


def test_record_instance_when_a_segmentation_comes_back_then_the_study_stays_as_it_is(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.record_instance(instance(clock, 2, sop_class=SEGMENTATION))
    study = ledger.studies.get(STUDY)
    assert (study.state, study.generation) == (StudyState.READY, 1)


def test_record_instance_when_an_image_is_late_then_reopens_the_study(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    clock.advance(5)
    ledger.record_instance(instance(clock, 2))
    study = ledger.studies.get(STUDY)
    assert (study.state, study.generation, study.last_received_at) == (StudyState.RECEIVING, 2, clock.now)
    assert [event.event for event in ledger.history(STUDY)] == ["created", "complete", "re-opened"]


def test_record_instance_when_studies_are_interleaved_then_counts_each_alone(
    ledger: Ledger, clock: FakeClock
) -> None:
    counts = ledger.record_instances(
        instance(clock, number, study=f"{STUDY}.{number % 2}") for number in range(10)
    )
    assert counts[Recorded.NEW] == 10
    assert [ledger.studies.get(f"{STUDY}.{which}").images for which in (0, 1)] == [5, 5]


def test_record_group_when_studies_are_interleaved_then_it_is_as_if_each_came_alone(
    ledger: Ledger, clock: FakeClock
) -> None:
    other = f"{STUDY}.1"
    group = [
        instance(clock, 1),
        instance(clock, 1, study=other, content="other"),
        instance(clock, 1, content="other"),
        instance(clock, 1),
        instance(clock, 2, sop_class=SEGMENTATION),
        instance(clock, 3),
        instance(clock, 1, study=other),
    ]
    group[5] = replace(group[5], received_at=clock.now + timedelta(seconds=3))
    new, conflict = Recorded.NEW, Recorded.CONFLICT
    assert ledger.record_group(group) == [new, new, conflict, Recorded.DUPLICATE, new, new, conflict]
    first, second = (ledger.studies.get(uid) for uid in (STUDY, other))
    assert (first.images, first.generation, first.conflicting) == (2, 3, True)
    assert first.last_received_at == clock.now + timedelta(seconds=3)
    assert (second.images, second.generation, second.conflicting) == (1, 2, True)
    assert ledger.studies.instances(STUDY) == (group[0], group[4], group[5])
    assert ledger.studies.instances(other) == (group[1],)
    assert ledger.record_group(group) == [Recorded.DUPLICATE] * len(group)


def test_record_group_when_it_is_longer_than_a_question_then_each_duplicate_is_found(
    ledger: Ledger, clock: FakeClock
) -> None:
    group = [instance(clock, number) for number in range(1, 101)]
    assert ledger.record_group(group[::2]) == [Recorded.NEW] * 50
    assert ledger.record_group(group) == [Recorded.DUPLICATE, Recorded.NEW] * 50
    assert ledger.studies.get(STUDY).images == 100


def test_record_group_when_one_cannot_be_entered_then_none_is(ledger: Ledger, clock: FakeClock) -> None:
    bad = replace(instance(clock, 2), size_bytes=2**80)
    with pytest.raises(Exception, match=r"too large|out of range"):
        ledger.record_group([instance(clock), bad])
    with pytest.raises(UnknownStudyError):
        ledger.studies.get(STUDY)


def test_record_instance_when_its_time_has_no_zone_then_is_an_error(ledger: Ledger, clock: FakeClock) -> None:
    with pytest.raises(Exception, match="without a zone"):
        ledger.record_instance(replace(instance(clock), received_at=clock().replace(tzinfo=None)))


def test_forget_instances_when_a_file_is_gone_then_it_may_be_sent_again(ledger: Ledger, clock: FakeClock) -> None:
    record = instance(clock)
    ledger.record_instance(record)
    assert ledger.forget_instances({record.path, "inbox/unknown.dcm"}) == 1
    assert ledger.studies.get(STUDY).images == 0
    assert ledger.record_instance(record) is Recorded.NEW


@pytest.mark.parametrize("content", ["bytes", "other", "third"])
def test_record_instance_when_the_first_in_a_conflict_is_lost_then_what_is_sent_again_is_analysed(
    ledger: Ledger, clock: FakeClock, content: str
) -> None:
    first = instance(clock)
    ledger.record_instance(first)
    ledger.record_instance(instance(clock, content="other"))
    ledger.forget_instances({first.path})
    again = instance(clock, content=content)
    assert ledger.record_instance(again) is Recorded.NEW
    assert ledger.studies.instances(STUDY) == (again,)
    study = ledger.studies.get(STUDY)
    assert (study.images, study.conflicting) == (1, True)
    assert [record.study_instance_uid for record in ledger.studies.receiving()] == [STUDY]
    assert ledger.record_instance(again) is Recorded.DUPLICATE


def test_get_when_the_study_is_unknown_then_names_it(ledger: Ledger) -> None:
    with pytest.raises(UnknownStudyError, match=STUDY):
        ledger.studies.get(STUDY)

"""What the explanation of a match says."""

from config.series_rules import load_series_rules
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    T1,
    T2,
    StudyWriter,
    standard,
)


def test_match_when_a_runner_up_lost_by_points_then_the_rules_that_decided_are_named(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    plain = writer.series("Ax T2", {**T2, "ScanOptions": ""}, 450)
    rival = match().roles[Role.T2].runner_up
    assert rival is not None
    assert (rival.series_instance_uid, rival.score) == (plain, 6.5)
    assert rival.because == ("6.5 points against 9: weights.fat_suppressed.T2 none against +2.5 (fat suppressed)")


def test_match_when_explained_then_times_keys_and_rejecting_elements_are_there(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    sub = writer.series("SUB Ax T1", T1, 126)
    result = match()
    moment = result.roles[Role.T1_HEPATOBILIARY].moment
    assert moment is not None
    assert (moment.elapsed_s, moment.source) == (1200, "AcquisitionTime")
    assert result.rules_version == load_series_rules().version
    (rejected,) = [entry for entry in result.rejected if entry.series_instance_uid == sub]
    assert (rejected.tag, rejected.value, rejected.rule) == ("(0008,103E)", "SUB Ax T1", "lexicon.subtraction")
    assert all(item.rule for choice in result.roles.values() for item in choice.evidence)
    keys = [choice.key for choice in result.roles.values()] + [entry.key for entry in result.rejected]
    assert len(set(keys)) == len(keys)
    assert all(len(choice.sop_instance_uids_sha256) == 64 for choice in result.roles.values())

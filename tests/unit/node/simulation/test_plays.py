"""What each play puts on the line."""

from pathlib import Path
from random import Random

import pytest

from node.simulation import plays
from node.simulation.play import StudyFiles, Wave, When
from node.simulation.plays import PLAYS

ROLES = ("T2", "DWI", "T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY")
SLICES = 8


def study(name: str) -> StudyFiles:
    """Six series and a localizer, which fills no role."""
    files = {Path(name, f"{role}{k}"): frozenset({role}) for role in ROLES for k in range(SLICES)}
    localizer = tuple(Path(name, f"localizer{k}") for k in range(3))
    return StudyFiles((*localizer, *files), files)


ONE, OTHER = study("one"), study("other")


def sent(waves: tuple[Wave, ...]) -> list[Path]:
    """Return what is left of the waves when what was aborted does not count, in order."""
    return [
        path
        for wave in waves
        for transfer in wave.transfers
        if transfer.abort_after is None
        for path in transfer.paths
    ]


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_play_when_it_expects_an_analysis_then_every_image_reaches_the_node(name: str) -> None:
    play = PLAYS[name]
    studies = [ONE, OTHER][: play.patients]
    waves = play.script(studies, Random(1))
    everything = {path for item in studies for path in item.paths}
    missing = everything - set(sent(waves))
    assert missing == (set() if name != "missing-slices" else set(ONE.of_role("T1_PORTAL")[4:6]))


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_play_when_the_seed_is_the_same_then_so_is_what_is_sent(name: str) -> None:
    play = PLAYS[name]
    studies = [ONE, OTHER][: play.patients]
    assert play.script(studies, Random(1)) == play.script(studies, Random(1))


def test_out_of_order_when_played_then_the_series_are_mixed_and_the_seed_decides() -> None:
    first, second = (sent(plays.shuffled([ONE], Random(seed))) for seed in (1, 2))
    assert first != list(ONE.paths)
    assert first != second
    assert sorted(first) == sorted(ONE.paths)


def test_several_associations_when_played_then_side_by_side_and_each_series_is_split() -> None:
    (wave,) = plays.side_by_side([ONE], Random(1))
    assert len(wave.transfers) == plays.ASSOCIATIONS
    for role in ROLES:
        assert all(set(transfer.paths) & set(ONE.of_role(role)) for transfer in wave.transfers), role


def test_late_phase_when_played_then_it_alone_comes_after_the_pause() -> None:
    first, second = plays.late_phase([ONE], Random(1))
    assert (first.when, second.when) == (When.AT_ONCE, When.LATE)
    assert second.transfers[0].paths == ONE.of_role("T1_HEPATOBILIARY")


def test_two_patients_when_played_then_their_images_alternate_on_one_association() -> None:
    (wave,) = plays.interleaved([ONE, OTHER], Random(1))
    (transfer,) = wave.transfers
    assert [path.parts[0] for path in transfer.paths[:6]] == ["one", "other"] * 3


def test_resend_when_played_then_the_same_files_come_twice() -> None:
    first, second = plays.twice([ONE], Random(1))
    assert sorted(first.transfers[0].paths) == sorted(second.transfers[0].paths) == sorted(ONE.paths)


def test_later_plays_when_played_then_the_second_wave_waits_for_the_answer() -> None:
    whole, again = plays.again_when_answered([ONE], Random(1))
    assert (again.when, again.transfers[0].paths) == (When.ANSWERED, whole.transfers[0].paths)
    first, rest = plays.completed_when_answered([ONE], Random(1))
    assert (rest.when, rest.transfers[0].paths) == (When.ANSWERED, ONE.of_role("T2"))
    assert not set(first.transfers[0].paths) & set(rest.transfers[0].paths)


@pytest.mark.parametrize("seed", range(5))
def test_aborted_when_played_then_something_but_not_all_went_before_the_abort(seed: int) -> None:
    first, second = plays.aborted([ONE], Random(seed))
    assert 0 < (first.transfers[0].abort_after or 0) < len(ONE.paths)
    assert second.transfers[0].paths == ONE.paths


def test_stalled_when_played_then_one_hangs_while_the_other_sends_all() -> None:
    (wave,) = plays.stalled([ONE], Random(1))
    hanging, whole = wave.transfers
    assert hanging.stall_s > 0
    assert 0 < (hanging.abort_after or 0) < len(ONE.paths)
    assert (whole.paths, whole.abort_after) == (ONE.paths, None)

import pickle

import pytest

from node.states import RESTING, TRANSITIONS, Event, IllegalTransitionError, StudyState, next_state, sources

BY_PEOPLE = frozenset({Event.ASKED, Event.SEND_AGAIN, Event.ASSIGNED, Event.REPROCESS, Event.CANCEL, Event.PURGE})


def reachable(start: StudyState) -> set[StudyState]:
    seen = {start}
    while True:
        more = {target for (state, _), target in TRANSITIONS.items() if state in seen} - seen
        if not more:
            return seen
        seen |= more


def test_next_state_when_the_pair_is_in_the_table_then_follows_it() -> None:
    assert next_state(StudyState.RECEIVING, Event.COMPLETE) is StudyState.READY


def test_next_state_when_the_pair_is_missing_then_names_both() -> None:
    with pytest.raises(IllegalTransitionError, match=r"receiving.*confirmed") as caught:
        next_state(StudyState.RECEIVING, Event.CONFIRMED)
    assert (caught.value.state, caught.value.event) == (StudyState.RECEIVING, Event.CONFIRMED)


def test_illegal_transition_when_pickled_then_comes_back_whole() -> None:
    error = pickle.loads(pickle.dumps(IllegalTransitionError(StudyState.READY, Event.BUG)))  # noqa: S301 - our own
    assert error.state is StudyState.READY


def test_table_when_walked_from_receiving_then_reaches_every_state() -> None:
    assert reachable(StudyState.RECEIVING) == set(StudyState)


@pytest.mark.parametrize("state", list(StudyState))
def test_table_when_a_new_image_arrives_then_every_state_but_cancelled_reopens(state: StudyState) -> None:
    cancelled = state is StudyState.CANCELLED
    assert next_state(state, Event.INSTANCE) is (StudyState.CANCELLED if cancelled else StudyState.RECEIVING)


@pytest.mark.parametrize("state", list(StudyState))
def test_table_when_nothing_comes_from_outside_then_a_study_comes_to_rest(
    state: StudyState,
) -> None:
    own = {
        (source, event): target
        for (source, event), target in TRANSITIONS.items()
        if event not in (Event.INSTANCE, Event.NOT_KEPT, Event.VALUES, *BY_PEOPLE)
    }
    ends = {state}
    for _ in StudyState:
        ends |= {target for (source, _), target in own.items() if source in ends}
    assert ends & RESTING
    moving = {source: target for (source, _), target in own.items() if source in RESTING}
    assert set(moving) == {StudyState.ANALYSED, StudyState.REFUSED, StudyState.UNCONFIRMED}
    assert moving[StudyState.UNCONFIRMED] is StudyState.DELIVERED


def test_failed_when_nobody_asks_then_is_never_retried() -> None:
    leaving = {event for (state, event) in TRANSITIONS if state is StudyState.FAILED}
    assert leaving == {Event.INSTANCE, *BY_PEOPLE} - {Event.SEND_AGAIN}


def test_sources_when_asked_then_lists_the_states_an_event_leaves() -> None:
    assert sources(Event.ENQUEUED) == (StudyState.ANALYSED, StudyState.REFUSED)


@pytest.mark.parametrize("state", list(StudyState))
def test_table_when_a_series_is_assigned_then_all_with_images_but_a_running_study_are_matched_anew(
    state: StudyState,
) -> None:
    if state in (StudyState.ANALYSING, StudyState.PURGED):
        with pytest.raises(IllegalTransitionError):
            next_state(state, Event.ASSIGNED)
        return
    expected = StudyState.RECEIVING if state is StudyState.RECEIVING else StudyState.READY
    assert next_state(state, Event.ASSIGNED) is expected

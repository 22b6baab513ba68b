"""What a FHIR server says into the ledger, and out of it again."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from config.analytes import DateWindow, load_analytes
from node.labs.fhir_client import FhirClient
from node.labs.fhir_pull import AMBIGUOUS, NO_ANSWER, UNREADABLE, FhirPull
from node.labs.observation import PatientIdentity
from node.labs.reissue import Reissue
from node.labs.study_values import values_of_study
from node.ledger.lab_records import LabSource, LabState, PatientMerge, PatientResults
from node.ledger.ledger import Ledger
from node.states import Event
from pipeline.specimen import Examined
from pipeline.study import Analyte
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, take
from tests.unit.node.labs.fhir_asking import P1, pull
from tests.unit.node.labs.fhir_server import (
    FhirServer,
    Resource,
    answer,
    observation,
    patient,
)
from tests.unit.node.labs.test_reissue import value


def test_fetch_when_values_are_sound_then_they_are_kept_with_their_provenance(
    server: FhirServer, ledger: Ledger
) -> None:
    protein = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "2885-2"}], "text": "Total protein"},
        "valueQuantity": {"value": 7.1, "unit": "g/dl"},
    }
    antibody = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "13952-7", "display": "HBc Ab"}]},
        "valueQuantity": None,
        "valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]},
        "effectiveDateTime": None,
        "effectivePeriod": {"start": "2026-02-01"},
    }
    server.resources += [observation("o2", "7", **protein), observation("o3", "7", **antibody)]
    assert pull(server, ledger).fetch(P1) == ()
    found = {row.analyte: row for row in ledger.labs.values(P1)}
    assert {name: row.value for name, row in found.items()} == pytest.approx(
        {"ast_u_per_l": 41.0, "total_protein_g_per_l": 71.0, "hbcab_positive": 0.0}
    )
    row = found["total_protein_g_per_l"]
    assert row.collected_at == "2026-02-01T08:30:00+01:00"
    assert (row.source, row.sender, row.message_id) == ("fhir", server.url, "Observation/o2/_history/1")
    assert (row.original_value, row.original_unit, row.collected_at) == (
        "7.1",
        "g/dl",
        "2026-02-01T08:30:00+01:00",
    )


@pytest.mark.parametrize("status", ["preliminary", "registered", "unknown"])
def test_fetch_when_a_result_is_not_final_then_is_not_kept(
    server: FhirServer, ledger: Ledger, status: str
) -> None:
    server.resources[1] = observation("o1", "7", status=status)
    pull(server, ledger).fetch(P1)
    assert ledger.labs.values() == ()


def test_fetch_when_asked_again_then_nothing_is_doubled_and_changes_are_taken(
    server: FhirServer, ledger: Ledger
) -> None:
    asking = pull(server, ledger)
    for _ in range(2):
        asking.fetch(P1)
    assert len(ledger.labs.values(P1)) == 1
    amended = {"meta": {"versionId": "2"}, "status": "amended", "valueQuantity": {"value": 44, "unit": "U/L"}}
    server.resources[1] = observation("o1", "7", **amended)
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == [44]
    server.resources[1] = observation("o1", "7", status="entered-in-error")
    asking.fetch(P1)
    assert ledger.labs.values(P1) == ()
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.WITHDRAWN])] == [44]


@pytest.mark.parametrize("status", ["final", "corrected"])
def test_fetch_when_a_value_goes_and_comes_back_without_a_version_then_the_last_counts(
    server: FhirServer, ledger: Ledger, status: str
) -> None:
    asking = pull(server, ledger)
    for number, said in ((41, "final"), (50, status), (41, "final"), (41, "final"), (50, status)):
        quantity = {"value": number, "unit": "U/L"}
        server.resources[1] = observation("o1", "7", meta={}, status=said, valueQuantity=quantity)
        asking.fetch(P1)
        assert [row.value for row in ledger.labs.values(P1)] == [number]


@pytest.mark.parametrize(
    ("changed", "warnings"),
    [
        ({"status": "corrected", "valueQuantity": None}, ()),
        ({"status": "amended", "valueQuantity": {"value": "44", "unit": "U/L"}}, (UNREADABLE,)),
        ({"status": "entered-in-error", "valueQuantity": "44"}, (UNREADABLE,)),
    ],
)
def test_fetch_when_a_correction_cannot_be_read_then_the_old_value_is_withdrawn(
    server: FhirServer, ledger: Ledger, changed: Resource, warnings: tuple[str, ...]
) -> None:
    asking = pull(server, ledger)
    asking.fetch(P1)
    server.resources[1] = observation("o1", "7", meta={}, **changed)
    assert asking.fetch(P1) == warnings
    assert ledger.labs.values(P1) == ()
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.WITHDRAWN])] == [41]


@pytest.mark.parametrize(
    "later", [{"status": "entered-in-error"}, {"valueQuantity": {"value": 45, "unit": "U/L"}}]
)
def test_fetch_when_a_copy_of_the_server_lags_behind_then_its_older_version_is_not_used(
    server: FhirServer, ledger: Ledger, later: Resource
) -> None:
    asking = pull(server, ledger)
    newer = {"versionId": "2", "lastUpdated": "2026-02-03T10:00:00Z"}
    server.resources[1] = observation("o1", "7", meta=newer, **later)
    asking.fetch(P1)
    before = [row.value for row in ledger.labs.values(P1)]
    server.resources[1] = observation("o1", "7", meta={"versionId": "1", "lastUpdated": "2026-02-02T10:00:00Z"})
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == before


LITRES = {"value": 41, "unit": "U/L", "system": "http://unitsofmeasure.org"}


@pytest.mark.parametrize("versions", [True, False])
@pytest.mark.parametrize(
    "now",
    [
        [],
        [observation("o1", "7", status="preliminary")],
        [observation("o1", "7", valueQuantity={"value": 41, "unit": "furlong"})],
        [observation("o1", "7", valueQuantity=41)],
        [observation("o1", "7", valueQuantity={**LITRES, "code": "ukat/L"})],
        [observation("o1", "7", code={"coding": [{"system": "http://loinc.org", "code": "1742-6"}]})],
        [observation("o1", "8")],
    ],
)
def test_fetch_when_the_server_does_not_state_a_value_any_more_then_it_is_withdrawn_until_it_comes_back(
    server: FhirServer, ledger: Ledger, now: list[Resource], versions: bool
) -> None:
    meta = {"versionId": "1"} if versions else {}
    before = [server.resources[0], observation("o1", "7", meta=meta)]
    asking = pull(server, ledger)
    for _ in range(2):
        server.resources = [*before]
        asking.fetch(P1)
        assert [row.value for row in ledger.labs.values(P1)] == [41]
        server.resources = [server.resources[0], *({**item, "meta": {**meta, "x": 1}} for item in now)]
        asking.fetch(P1)
        assert ledger.labs.values(P1) == ()


def test_fetch_when_the_server_fails_after_it_stated_a_value_then_the_value_stays(
    server: FhirServer, ledger: Ledger
) -> None:
    asking = pull(server, ledger)
    asking.fetch(P1)
    server.behaviour = lambda handler, _: answer(handler, 503, {})
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == [41]


@pytest.mark.parametrize("how", ["observation", "identifier"])
def test_fetch_when_a_value_is_of_another_patient_now_then_the_first_has_it_no_more(
    server: FhirServer, ledger: Ledger, how: str
) -> None:
    asking, p2 = pull(server, ledger), PatientIdentity("P2", "HOSP")
    asking.fetch(P1)
    moved = observation("o1", "8", meta={"versionId": "2"})
    if how == "observation":
        server.resources = [patient("7", "P1"), patient("8", "P2"), moved]
    else:
        server.resources = [patient("7", "P2"), observation("o1", "7")]
    asking.fetch(p2)
    assert (ledger.labs.values(P1), [row.value for row in ledger.labs.values(p2)]) == ((), [41])
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.WITHDRAWN])] == [41]


def test_fetch_when_patients_are_merged_then_neither_loses_what_the_server_states_of_the_other(
    server: FhirServer, ledger: Ledger
) -> None:
    asking, p2 = pull(server, ledger), PatientIdentity("P2", "HOSP")
    sound = {"code": {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "GGT"}]}}
    server.resources += [patient("8", "P2"), observation("o2", "8", **sound)]
    ledger.labs.enter(LabSource.HL7, "ADT", [], merges=[PatientMerge(P1, p2, "M1")])
    for _ in range(2):
        for whose in (P1, p2):
            asking.fetch(whose)
    assert len(ledger.labs.values(p2)) == 2


def test_fetch_when_a_value_is_off_the_scale_then_it_is_a_bound(server: FhirServer, ledger: Ledger) -> None:
    server.resources[1] = observation("o1", "7", interpretation=[{"coding": [{"code": "<"}]}])
    pull(server, ledger).fetch(P1)
    assert [(row.comparator, row.value) for row in ledger.labs.values(P1)] == [("<", 41)]


def test_fetch_when_a_value_contradicts_itself_then_it_is_refused_once(server: FhirServer, ledger: Ledger) -> None:
    wrong = {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "ALT"}]}
    server.resources[1] = observation("o1", "7", code=wrong)
    for _ in range(2):
        pull(server, ledger).fetch(P1)
    assert [refusal.code for refusal in ledger.labs.refusals(P1)] == ["LAB-TEXT"]


@pytest.mark.parametrize(
    "malformed",
    [
        {"code": "1920-8"},
        {"code": {"coding": ["1920-8"]}},
        {"status": ["final"]},
        {"valueQuantity": "41 U/L"},
        {"valueQuantity": {"value": "41", "unit": "U/L"}},
        {"valueQuantity": {"value": True, "unit": "U/L"}},
        {"valueQuantity": {"value": 41, "unit": ["U/L"]}},
        {"effectiveDateTime": 20260201},
        {"meta": []},
    ],
)
def test_fetch_when_a_result_is_malformed_then_the_others_are_taken_and_the_report_says_so(
    server: FhirServer, ledger: Ledger, malformed: Mapping[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    sound = {"code": {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "GGT"}]}}
    server.resources[1:] = [observation("o1", "7", **malformed), observation("o2", "7", **sound)]
    assert pull(server, ledger).fetch(P1) == (UNREADABLE,)
    assert [row.analyte for row in ledger.labs.values(P1)] == ["ggt_u_per_l"]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "malformed" in line
    assert "41" not in line


def test_fetch_when_the_patient_is_of_another_issuer_then_the_server_is_not_asked(
    server: FhirServer, ledger: Ledger
) -> None:
    assert pull(server, ledger).fetch(PatientIdentity("P1", "CLINIC")) == ()
    assert server.asked == []


def test_fetch_when_the_server_fails_then_says_so_for_the_report(
    server: FhirServer, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviour = lambda handler, _: answer(handler, 503, {})
    assert pull(server, ledger).fetch(P1) == (NO_ANSWER,)
    assert "HTTP 503" in caplog.text
    assert "P1" not in caplog.text


LOGICAL = observation("o2", "", subject={"identifier": {"system": "urn:clinic", "value": "P1"}})


@pytest.mark.parametrize(
    ("system", "more", "taken", "warnings", "told"),
    [
        ("", [], 1, (), False),
        ("", [patient("7", "P1")], 1, (), False),
        ("", [patient("8", "P1", system="urn:clinic"), observation("o2", "8")], 0, (AMBIGUOUS,), True),
        ("", [LOGICAL], 0, (AMBIGUOUS,), True),
        ("urn:hosp", [patient("8", "P1"), observation("o2", "8")], 0, (AMBIGUOUS,), True),
        ("urn:hosp", [patient("8", "P1", system="urn:clinic"), observation("o2", "8")], 1, (), True),
        ("urn:clinic", [], 0, (), True),
    ],
)
def test_fetch_when_several_patients_have_the_identifier_then_nothing_is_taken_and_it_is_said(
    server: FhirServer,
    ledger: Ledger,
    system: str,
    more: Sequence[Resource],
    taken: int,
    warnings: tuple[str, ...],
    told: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.resources += more
    asking = FhirPull(FhirClient(server.url, identifier_system=system), ledger, load_analytes(), "hosp")
    assert asking.fetch(P1) == warnings
    assert len(ledger.labs.values()) == taken
    assert bool(caplog.records) is told
    assert "P1" not in caplog.text


def test_fetch_late_when_a_value_may_still_change_the_result_then_asks_until_the_wait_is_over(
    server: FhirServer, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    ledger.lab_uses.begin(STUDY, claim.generation, P1, Examined(date(2026, 2, 28)))
    # Complete or not: the server may know of a correction.
    ledger.lab_uses.end(STUDY, dict.fromkeys(Analyte, 1), has_risk=True)
    ledger.work.finish(claim, Event.ANALYSED, objects=(), destinations=())
    asking = pull(server, ledger)
    assert asking.fetch_late(1.0) == 1
    assert [use.study_instance_uid for use in ledger.lab_uses.changed()] == [STUDY]
    clock.advance(3601)
    assert asking.fetch_late(1.0) == 0


@pytest.mark.parametrize(
    ("later", "again"),
    [
        (observation("o1", "7", status="entered-in-error"), 1),
        (observation("o1", "7", status="amended", meta={"versionId": "2"}, effectiveDateTime="2026-02-20"), 1),
        (patient("9", "P9"), 1),
        (observation("o1", "7"), 0),
    ],
)
def test_fetch_used_when_the_server_takes_a_used_value_back_after_the_wait_then_the_result_is_issued_again(
    server: FhirServer, ledger: Ledger, clock: FakeClock, later: Resource, again: int
) -> None:
    make_ready(ledger, clock)
    claim, examined = take(ledger), Examined(date(2026, 2, 28))
    asking = pull(server, ledger)
    asking.fetch(P1)
    others = [value(analyte) for analyte in Analyte if analyte is not Analyte.AST]
    ledger.labs.enter(LabSource.CSV, "", [PatientResults(P1, "file", accepted=others)])
    ledger.lab_uses.begin(STUDY, claim.generation, P1, examined)
    known = values_of_study(ledger.labs, P1, examined, DateWindow())
    ledger.lab_uses.end(STUDY, known.chosen, has_risk=True)
    ledger.work.finish(claim, Event.ANALYSED, objects=(), destinations=())
    reissue = Reissue(ledger, DateWindow(), wait_h=1.0, settle_s=0.0)
    assert reissue.check() == 0
    clock.advance(20 * 86400)
    server.resources[1] = later
    assert asking.fetch_late(1.0) == 0
    assert [asking.fetch_used(19), asking.fetch_used(30)] == [0, 1]
    assert reissue.check() == again


def test_fetch_used_when_values_were_not_used_or_are_of_another_source_then_nobody_is_asked(
    server: FhirServer, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    asking = pull(server, ledger)
    ledger.lab_uses.begin(STUDY, claim.generation, P1, Examined(date(2026, 2, 28)))
    asking.fetch(P1)
    (row,) = ledger.labs.values(P1)
    ledger.lab_uses.end(STUDY, {Analyte.AST: row.number}, has_risk=True)
    ledger.work.finish(claim, Event.ANALYSED, objects=(), destinations=())
    assert asking.fetch_used(30) == 0
    ledger.lab_uses.end(STUDY, dict.fromkeys(Analyte, 99), has_risk=True)
    assert asking.fetch_used(30) == 0

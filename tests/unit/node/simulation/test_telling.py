"""Table, document and report say the same, and the report executes nothing that came from the network."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from dicom_io.network.requestor import RemoteAE
from node.simulation.comparison import Returned, compare
from node.simulation.plan import Plan
from node.simulation.site_report import site_report
from node.simulation.table import differences, rows
from node.simulation.verdict import Acceptance, StudyVerdict
from tests.unit.node.simulation.returning import EXPECTED, REPORT, ROLES, STUDY, seg, sr, summary

ATTACK = "<script>alert('\"&')</script><img src=x onerror=alert(1)>"
PLAN = Plan(RemoteAE("MVINODE", "10.0.0.4", 11112), RemoteAE("MVI-ACCEPT", "10.0.0.7", 11113), (), "run", 11)
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def acceptance(*returned: Returned, problems: tuple[str, ...] = (), remarks: tuple[str, ...] = ()) -> Acceptance:
    checks = tuple(compare(EXPECTED, 3, returned))
    study = StudyVerdict(
        "in-order", "ge", "as it was acquired", STUDY, EXPECTED, returned, checks, 12.34, problems
    )
    return Acceptance(PLAN, NOW, NOW, "Ward 9", "Somebody", "MVI_NODE_1", (study,), remarks, b"\x89PNG")


class Tags(HTMLParser):
    """Collects what a browser would see as elements, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_outcome_when_all_is_right_then_table_and_document_say_so() -> None:
    outcome = acceptance(seg(), sr(), summary())
    assert outcome.passed
    assert list(differences(outcome)) == []
    (row,) = rows(outcome)
    assert row[1:] == (
        "ge", "in-order", "analysed", "analysed", "seg, sr, summary", "0.90", "1.0 mm", "0.40", "3 of 3", "12 s",
        "pass",
    )  # fmt: skip
    document = outcome.document()
    assert (document["status"], document["patient_id_prefix"]) == ("passed", "MVI-ACCEPTANCE-run")
    assert document["node"] == {
        "ae_title": "MVINODE", "host": "10.0.0.4", "port": 11112, "implementation": "MVI_NODE_1",
        "software": ["mvi-node 9", "model 1"],
    }  # fmt: skip
    (study,) = document["studies"]
    assert study["roles"] == dict.fromkeys(ROLES, True)
    assert {check["name"] for check in study["checks"]} >= {
        "answer",
        "objects",
        "roles",
        "sources",
        "risk",
        "tumour",
    }


def test_outcome_when_a_role_is_swapped_then_it_failed_and_says_which() -> None:
    swapped = replace(REPORT, roles={**ROLES, "T2": "1.2.9"})
    outcome = acceptance(seg(), sr(swapped), summary())
    assert not outcome.passed
    assert outcome.document()["status"] == "failed"
    assert [(check, found) for _, _, check, _, found in differences(outcome)] == [("roles", "not as planted: T2")]
    assert "FAIL" in next(iter(rows(outcome)))
    page = Tags(site_report(outcome)).text
    assert "not passed: 0 of 1 studies as expected" in page
    assert "not as planted: T2" in page


def test_outcome_when_no_study_was_played_then_it_did_not_pass() -> None:
    assert not replace(acceptance(), studies=()).passed


def test_report_when_all_is_right_then_holds_what_a_site_files() -> None:
    html = site_report(acceptance(seg(), sr(), summary(), remarks=("one peer more",)))
    page = Tags(html)
    for words in (
        "For research use only. Not a medical device.", "Ward 9", "Somebody", "MVINODE@10.0.0.4:11112",
        "mvi-node 9", "2026-11-26", "passed: 1 of 1", "Signature", "one peer more", "MVI-ACCEPTANCE-run-01",
        "as it was acquired",
    ):  # fmt: skip
        assert words in page.text, words
    assert "data:image/png;base64," in html
    assert "http" not in html.replace("http-equiv", "")


def test_report_when_a_cell_is_narrow_then_only_a_uid_is_broken_inside_a_word() -> None:
    uid = "2.25.1234567890123456789012345678901234567"
    html = site_report(replace(acceptance(seg(), sr(), summary()), site=f"at {uid}"))
    assert f'<td class="long">at {uid}</td>' in html
    assert '<td class="pass">pass</td>' in html
    assert "<td>in-order</td>" in html
    assert "td.long { overflow-wrap: anywhere }" in html
    assert html.count("overflow-wrap") == 1


def test_report_when_the_network_sends_markup_then_it_is_text() -> None:
    hostile = sr(
        replace(REPORT, roles={**ROLES, ATTACK: ATTACK}, code=ATTACK, reason=ATTACK),
        patient_id=ATTACK,
        software=(ATTACK,),
        fault=ATTACK,
        kind=ATTACK,
    )
    outcome = acceptance(hostile, problems=(ATTACK,), remarks=(ATTACK,))
    outcome = replace(outcome, site=ATTACK, operator=ATTACK, implementation=ATTACK)
    page = Tags(site_report(outcome))
    assert not page.tags & {"script", "iframe", "object", "a", "form"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "class", "alt", "src"}
    assert page.text.count(ATTACK) >= 6

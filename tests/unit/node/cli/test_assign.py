"""`studies assign` on a ledger whose study was refused as ambiguous."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from node.cli import app
from node.cli.output import ExitCode
from node.cli.person import person
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.records import InstanceRecord
from node.states import Event, StudyState
from tests.unit.dicom_io.assembly.header_studies import CORONAL, T1, T2, StudyWriter, standard
from tests.unit.node.doubles import FakeClock, result_objects, take


@dataclass
class Site:
    """A study with two portal phases, its scout and its coronal T2, and the ledger that refused it."""

    ledger: Ledger
    uid: str
    series: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, code: int = ExitCode.DONE) -> Any:
        result = CliRunner().invoke(app, ["studies", "assign", *arguments, "--json"])
        assert result.exit_code == code, result.output
        assert (result.stderr == "") == (code == ExitCode.DONE)
        assert result.stderr.count("\n") <= 1
        return json.loads(result.stdout)

    @property
    def state(self) -> StudyState:
        return self.ledger.studies.get(self.uid).state


def enter(ledger: Ledger, clock: FakeClock, storage: Path, path: Path) -> None:
    ds = dcmread(path, stop_before_pixels=True)
    ledger.record_instance(
        InstanceRecord(
            ds.StudyInstanceUID,
            ds.SeriesInstanceUID,
            ds.SOPInstanceUID,
            ds.SOPClassUID,
            "1.2.840.10008.1.2.1",
            path.relative_to(storage).as_posix(),
            path.stem.zfill(64),
            1024,
            clock(),
            "SCANNER",
            "127.0.0.1",
        )
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("study")
    writer = StudyWriter(folder)
    series = standard(writer)
    series["other"] = writer.series("Ax T1 venous breathing", T1, 185)
    series["coronal"] = writer.series("Cor T2", T2, 600, orientation=CORONAL)
    return folder, writer.study_instance_uid, series


@pytest.fixture
def site(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clock: FakeClock,
    images: tuple[Path, str, dict[str, str]],
) -> Iterator[Site]:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder, uid, series = images
    shutil.copytree(folder, tmp_path / "inbox")
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        for path in sorted((tmp_path / "inbox").iterdir()):
            enter(ledger, clock, tmp_path, path)
        assert ledger.work.complete(ledger.studies.get(uid), "test")
        objects, code = result_objects(uid), "SM-AMBIG-T1_PORTAL"
        ledger.work.finish(
            take(ledger), Event.REFUSED, objects=objects, destinations=[], code=code, message="Two."
        )
        yield Site(ledger, uid, series)


def test_assign_when_nothing_is_named_then_lists_what_may_be_assigned(site: Site) -> None:
    document = site.run(site.uid)
    assert (document["state"], document["assignments"]) == ("refused", [])
    found = {item["series_instance_uid"]: item for item in document["candidates"]}
    assert found[site.series["T2"]]["roles"] == ["T2"]
    assert found[site.series["other"]]["roles"] == ["T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY"]
    coronal = found[site.series["coronal"]]
    assert (coronal["roles"], coronal["code"]) == ([], "ORIENTATION")
    assert site.state is StudyState.REFUSED


def test_assign_when_a_series_is_named_then_the_study_is_ready_and_the_match_is_foretold(site: Site) -> None:
    document = site.run(site.uid, "t1_portal=7")
    assert document["state"] == "ready"
    assert document["match"]["status"] == "accepted"
    (entry,) = document["assignments"]
    assert entry["series_instance_uid"] == site.series["other"]
    assert (entry["role"], entry["assigned_by"]) == ("T1_PORTAL", person())
    result = CliRunner().invoke(app, ["studies", "explain", site.uid, "--json"])
    explained = json.loads(result.stdout)
    assert explained["roles"]["T1_PORTAL"]["origin"] == "user"
    assert explained["roles"]["T1_PORTAL"]["assigned"]["by"] == person()
    assert explained["assignments"] == [entry]
    text = CliRunner().invoke(app, ["studies", "explain", site.uid]).stdout
    assert "assigned by hand" in text


def test_assign_when_withdrawn_then_the_rules_choose_again(site: Site) -> None:
    site.run(site.uid, f"T1_PORTAL={site.series['other']}")
    document = site.run(site.uid, "--withdraw", "T1_PORTAL")
    assert document["match"]["code"] == "SM-AMBIG-T1_PORTAL"
    assert document["assignments"][0]["withdrawn_by"] == person()
    assert site.state is StudyState.READY


def test_assign_when_a_part_of_a_series_is_meant_then_the_key_names_it(site: Site) -> None:
    found = [
        item for item in site.run(site.uid)["candidates"] if item["series_instance_uid"] == site.series["DWI"]
    ]
    (weighted,) = [item for item in found if item["roles"] == ["DWI"]]
    document = site.run(site.uid, f"DWI=5:{weighted['key'][:6]}", "T1_PORTAL=7")
    assert [item["role"] for item in document["assignments"]] == ["DWI", "T1_PORTAL"]
    other = next(item for item in found if item is not weighted)
    refused = site.run(site.uid, f"DWI=5:{other['key'][:6]}", code=ExitCode.REFUSED)
    assert refused["code"] == "B-VALUE"


BAD = [
    (["T2"], ExitCode.USAGE, "AS-USAGE"),
    (["T9=7"], ExitCode.USAGE, "AS-ROLE"),
    (["--withdraw", "T9"], ExitCode.USAGE, "AS-ROLE"),
    (["T2=99"], ExitCode.USAGE, "AS-SERIES"),
    (["T2=1.2.3"], ExitCode.USAGE, "AS-SERIES"),
    (["DWI=5:zzzz"], ExitCode.USAGE, "AS-PART"),
    (["T2=4", "T2=4"], ExitCode.USAGE, "AS-TWICE"),
    (["T1_PORTAL=7", "T1_ARTERIAL=7"], ExitCode.USAGE, "AS-TWICE"),
    (["--withdraw", "T2"], ExitCode.USAGE, "AS-NONE"),
    (["T2=8"], ExitCode.REFUSED, "ORIENTATION"),
    (["T2=7"], ExitCode.REFUSED, "NO-ROLE"),
    (["T1_ARTERIAL=3", "T1_PORTAL=2"], ExitCode.REFUSED, "SM-ORDER"),
]


def test_assign_when_it_cannot_be_then_says_why_in_one_line_and_enters_nothing(site: Site) -> None:
    # One study for all: none of them changes it.
    for arguments, exit_code, code in BAD:
        document = site.run(site.uid, *arguments, code=exit_code)
        assert document["code"] == code, arguments
        assert document["message"], arguments
    assert site.state is StudyState.REFUSED
    assert site.ledger.assignments.history(site.uid) == ()


def test_assign_when_a_series_already_fills_another_role_by_hand_then_it_must_be_withdrawn_first(
    site: Site,
) -> None:
    site.run(site.uid, "T1_PORTAL=7")
    assert site.run(site.uid, "T1_ARTERIAL=7", code=ExitCode.USAGE)["code"] == "AS-TWICE"


def test_assign_when_the_study_is_unknown_or_is_being_analysed_then_fails(site: Site) -> None:
    assert site.run("1.2.404", "T2=4", code=ExitCode.FAILED)["code"] == "AS-STUDY"
    site.run(site.uid, "T1_PORTAL=7")
    take(site.ledger)
    assert site.run(site.uid, "T1_PORTAL=3", code=ExitCode.FAILED)["code"] == "AS-BUSY"


def test_assign_when_no_image_can_be_read_then_fails(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "inbox")
    assert site.run(site.uid, "T2=4", code=ExitCode.FAILED)["code"] == "AS-UNREADABLE"


def test_assign_when_people_read_then_says_what_will_come(site: Site) -> None:
    listed = CliRunner().invoke(app, ["studies", "assign", site.uid])
    assert "Ax T1 venous breathing" in listed.stdout
    done = CliRunner().invoke(app, ["studies", "assign", site.uid, "T1_PORTAL=7"])
    assert done.exit_code == ExitCode.DONE
    assert "accepted" in done.stdout

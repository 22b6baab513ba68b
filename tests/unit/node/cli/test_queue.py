import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.cli import app
from node.cli.output import ExitCode
from node.ledger.delivery_records import Confirmation
from node.ledger.ledger import Ledger, open_ledger
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

LONG_UID = "1.2.826.0.1.3680043.10.1234.55555555555555555555555.7777777777.1"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Ledger:
    """A node with one study on its way to `pacs`."""
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    peer = '[[peers]]\nname = "pacs"\nae_title = "PACS"\nhost = "h"\nreceives_results = true\n'
    (tmp_path / "node.toml").write_text(peer, encoding="utf-8")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    send(ledger, clock, STUDY)
    return ledger


def send(ledger: Ledger, clock: FakeClock, study: str, *destinations: str) -> None:
    make_ready(ledger, clock, study)
    objects = result_objects(study)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=destinations or ["pacs"])


def queue() -> Any:
    result = CliRunner().invoke(app, ["queue", "--json"])
    assert result.exit_code == ExitCode.DONE, result.output
    return json.loads(result.stdout)


def advice() -> set[tuple[str, str]]:
    return {(item["because"], item["to_do"]) for item in queue()["undelivered"]}


def test_queue_when_nothing_is_wrong_then_nothing_is_to_do(node: Ledger) -> None:
    assert advice() == {("", "nothing: it is sent when its turn comes")}


def test_queue_when_the_peer_is_away_then_says_since_what_and_what_to_check(node: Ledger) -> None:
    node.contacts.failed("pacs", "no DICOM service could be reached there", retry_in_s=60)
    ((because, to_do),) = advice()
    assert because == "no DICOM service could be reached there"
    assert "mvi-node peers echo pacs" in to_do
    assert "by itself" in to_do


def test_queue_when_the_peer_is_parked_then_says_who_must_act(node: Ledger) -> None:
    node.contacts.failed("pacs", "it rejected the association", retry_in_s=60, parked=True)
    ((because, to_do),) = advice()
    assert because == "it rejected the association"
    assert to_do.startswith("let the peer accept this node, then run `mvi-node peers echo pacs`")


def test_queue_when_an_object_is_refused_then_names_the_verbs(node: Ledger) -> None:
    seg, sr, page = node.outbox.due("pacs")
    node.outbox.refused(seg, "PACS does not accept Segmentation Storage")
    for item in (sr, page):
        node.outbox.stored(item)
    node.confirmations.confirmed(node.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    ((because, to_do),) = advice()
    assert because == "PACS does not accept Segmentation Storage"
    assert "mvi-node peers probe pacs" in to_do
    assert f"mvi-node studies retry {STUDY}" in to_do


def test_queue_when_the_peer_left_the_configuration_then_says_so(node: Ledger, clock: FakeClock) -> None:
    send(node, clock, f"{STUDY}.2", "gone")
    assert any("the configuration has no peer gone" in to_do for _, to_do in advice())


def test_queue_when_a_peer_remarked_on_an_object_then_the_remark_is_shown(node: Ledger) -> None:
    for item in node.outbox.due("pacs"):
        node.outbox.stored(item, "PACS answered 0xB000, coercion of data elements" if item.kind == "sr" else None)
    node.confirmations.confirmed(node.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    (remark,) = queue()["remarks"]
    assert (remark["kind"], remark["state"]) == ("sr", "delivered")
    assert remark["warning"] == "PACS answered 0xB000, coercion of data elements"


def test_retry_when_a_peer_refused_an_object_then_only_that_is_sent_again(node: Ledger) -> None:
    seg, sr, page = node.outbox.due("pacs")
    node.outbox.refused(seg, "never")
    for item in (sr, page):
        node.outbox.stored(item)
    node.confirmations.confirmed(node.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    assert node.studies.get(STUDY).state is StudyState.UNDELIVERED
    result = CliRunner().invoke(app, ["studies", "retry", STUDY, "--json"])
    assert json.loads(result.stdout)["state"] == "delivering"
    states = {item.kind: item.state for item in node.outbox.of_study(STUDY)}
    assert states == {"seg": "waiting", "sr": "delivered", "summary": "delivered"}
    assert node.studies.get(STUDY).message is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_queue_when_read_on_a_terminal_then_every_uid_and_command_is_whole(
    node: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(node, clock, LONG_UID)
    make_ready(node, clock, f"{STUDY}.3")
    node.contacts.failed("pacs", "no DICOM service could be reached there", retry_in_s=60)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    app(["queue"], standalone_mode=False)
    lines = [line.strip() for line in terminal.getvalue().splitlines()]
    for uid in (LONG_UID, STUDY, f"{STUDY}.3"):
        assert uid in lines
    assert len(LONG_UID) == 64
    assert "seg, sr, summary to pacs: waiting" in lines
    assert any("`mvi-node peers echo pacs`" in line for line in lines)

import errno
import json
import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.examining import Examined, examine_document, unknown_settings
from config.sections.compute import ComputeSection, ModelSection
from config.sections.node import NodeSection, TlsSection
from config.sections.peers import Peer
from config.sections.studies import MatchingSection
from config.sections.watch import AuditSection
from config.settings import Settings
from dicom_io.network.access import AccessPolicy, KnownPeer
from dicom_io.network.tls import certificate_ends
from node.demo.processes import free_port
from node.diagnosis.clock import CLOCK_TOLERANCE
from node.diagnosis.doctor import examine
from node.diagnosis.finding import Finding, Verdict
from node.ledger.ledger import Ledger, open_ledger, utc_now
from node.ledger.notices import Notice
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.dicom_io.network.receiver import receiving
from tests.unit.node.doubles import FakeClock, instance
from tests.unit.node.notify.servers import webhook_server

LOOPBACK = "127.0.0.1"


def settings(storage: Path, **sections: object) -> Settings:
    node = NodeSection(storage=storage, host=LOOPBACK, port=free_port(), minimum_free_bytes=1)
    return Settings.model_validate({"node": node, **sections})


def findings(of: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(Examined(of, ()))}


def test_examine_when_nothing_is_wrong_then_every_dependency_is_named_and_no_trace_left(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    found = findings(settings(storage))
    assert {"storage", "ledger", "transport", "port", "tls", "series rules", "model", "clock"} <= set(found)
    assert {finding.verdict for finding in found.values()} <= {Verdict.OK, Verdict.WARNING}
    assert not storage.exists()


def test_storage_when_the_disk_is_nearly_full_then_failed_with_both_figures(tmp_path: Path) -> None:
    node = NodeSection(storage=tmp_path, host=LOOPBACK, port=free_port(), minimum_free_bytes=10**18)
    finding = findings(Settings(node=node))["storage"]
    assert finding.verdict is Verdict.FAILED
    assert "node.minimum_free_bytes" in finding.detail


@pytest.mark.parametrize(
    ("storage", "closed"),
    [("absent/storage", "."), (".", "."), (".", "inbox"), (".", "inbox/.arriving"), (".", "results")],
)
def test_storage_when_serve_could_not_write_there_then_failed_and_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str, closed: str
) -> None:
    folder, mkdir = tmp_path / closed, os.mkdir
    folder.mkdir(parents=True, exist_ok=True)

    def refuse(path: str, *mode: int, **options: int) -> None:
        if Path(path).parent == folder:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        mkdir(path, *mode, **options)

    # root may write everywhere, so that rights alone would not show it.
    monkeypatch.setattr(os, "mkdir", refuse)
    finding = findings(settings(tmp_path / storage))["storage"]
    assert finding.verdict is Verdict.FAILED
    assert f"{folder} cannot be written to" in finding.detail
    assert "permission denied" in finding.detail
    assert "node.storage" in finding.detail


def test_storage_when_a_file_of_it_is_closed_then_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, opened = tmp_path / "ledger.sqlite", Path.open
    ledger.touch()

    def refuse(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if path == ledger and mode != "r":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", refuse)
    finding = findings(settings(tmp_path))["storage"]
    assert finding.verdict is Verdict.FAILED
    assert "ledger.sqlite cannot be written to" in finding.detail


def test_storage_when_it_can_be_written_to_then_nothing_is_left_of_the_look(tmp_path: Path) -> None:
    (tmp_path / "inbox" / ".arriving").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert findings(settings(tmp_path))["storage"].verdict is Verdict.OK
    assert sorted(tmp_path.rglob("*")) == before


def test_ledger_when_its_file_is_damaged_then_failed(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database " * 100)
    assert findings(settings(tmp_path))["ledger"].verdict is Verdict.FAILED


def test_ledger_when_it_is_there_then_its_studies_are_counted(tmp_path: Path, clock: FakeClock) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        ledger.record_instance(instance(clock))
    assert findings(settings(tmp_path))["ledger"] == Finding("ledger", Verdict.OK, "answers, 1 studies")


def test_clock_when_the_ledger_is_ahead_of_it_then_failed(tmp_path: Path) -> None:
    ahead = utc_now() + CLOCK_TOLERANCE + timedelta(hours=1)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", lambda: ahead) as ledger:
        enter(ledger)
    finding = findings(settings(tmp_path))["clock"]
    assert finding.verdict is Verdict.FAILED
    assert "set the clock" in finding.detail


def enter(ledger: Ledger) -> None:
    ledger.record_instance(instance(FakeClock()))


def test_port_when_another_program_holds_it_then_failed(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as holder:
        node = NodeSection(storage=tmp_path, host=LOOPBACK, port=holder.getsockname()[1], minimum_free_bytes=1)
        finding = next(item for item in examine(Examined(Settings(node=node), ())) if item.name == "port")
    assert finding.verdict is Verdict.FAILED
    assert "node.port" in finding.detail


def test_port_when_the_interface_is_an_ipv6_address_then_it_is_tried_as_such(tmp_path: Path) -> None:
    node = NodeSection(storage=tmp_path, host="::1", port=free_port(), minimum_free_bytes=1)
    finding = next(item for item in examine(Examined(Settings(node=node), ())) if item.name == "port")
    if not _has_ipv6():
        assert "cannot be listened on" in finding.detail
        return
    assert finding.verdict is Verdict.OK


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("section", "value", "name"),
    [
        ("tls", TlsSection(certificate="/absent.pem", key="/absent.key", authority="/absent.ca"), "tls"),
        ("matching", MatchingSection(rules="/absent.toml"), "series rules"),
        ("model", ModelSection(active="absent"), "model"),
        ("model", ModelSection(trusted_keys=(Path("/absent.pem"),)), "model"),
        ("audit", AuditSection(syslog_host=LOOPBACK, authority="/absent.pem"), "audit repository"),
    ],
)
def test_examine_when_a_named_file_is_missing_then_that_dependency_fails(
    tmp_path: Path, section: str, value: object, name: str
) -> None:
    found = findings(settings(tmp_path, **{section: value}))
    assert [item.name for item in found.values() if item.verdict is Verdict.FAILED] == [name]
    assert "absent" in found[name].detail


def test_examine_when_settings_are_wrong_then_each_is_a_finding_and_what_needs_none_is_examined(
    tmp_path: Path,
) -> None:
    document = {
        "node": {"storage": str(tmp_path), "host": LOOPBACK, "port": free_port(), "minimum_free_bytes": 1},
        "tls": {"port": "x"},
        "retention": {"low_disk_bytes": "much"},
        "labs": {"port": -1},
        "watch": {"prot": 1},
        "audit": {"syslog_host": LOOPBACK},
        "peers": [
            {"name": "pacs", "ae_title": "P", "host": LOOPBACK, "port": "x", "receives_results": True},
            {"name": "sends", "ae_title": "S", "host": LOOPBACK, "tls": True},
        ],
    }
    found = list(examine(examine_document(document)))
    assert [item.detail.split(":")[0] for item in found if item.name == "settings"] == [
        "tls.port",
        "retention.low_disk_bytes",
        "watch.prot",
        "labs.port",
        "peers.0.port",
        "settings",
        "settings",
    ]
    seen = {item.name: (item.verdict, item.detail) for item in found}
    assert seen["storage"] == (Verdict.UNKNOWN, "not examined: it needs retention.low_disk_bytes")
    assert seen["hl7"] == (Verdict.UNKNOWN, "not examined: it needs labs.port")
    assert seen["peer pacs"] == (Verdict.UNKNOWN, "not examined: it needs peer.port")
    for name in ("ledger", "transport", "port", "series rules", "model", "fhir", "notify", "peer sends"):
        assert seen[name][0] is Verdict.OK, seen[name]


@pytest.mark.parametrize(
    "misfit",
    [
        {"tls": {"certificate": "/absent.pem"}},
        {"compute": {"engine": "dask"}},
        {"model": {"require_signature": True}},
        {"labs": {"tls_port": free_port()}},
        {"notify": {"smtp_host": LOOPBACK}},
        {"audit": {"syslog_host": LOOPBACK}},
        {"peers": [{"name": "p", "ae_title": "P", "host": LOOPBACK, "tls": True, "receives_results": True}]},
    ],
)
def test_examine_when_keys_do_not_fit_one_another_then_the_examination_goes_to_its_end(
    tmp_path: Path, misfit: dict[str, object]
) -> None:
    node = {"storage": str(tmp_path), "host": LOOPBACK, "port": free_port(), "minimum_free_bytes": 1}
    found = list(examine(examine_document({"node": node, **misfit})))
    assert found[0].name == "settings"
    assert {"clock", "fhir"} <= {item.name for item in found}


def test_examine_when_the_file_cannot_be_read_then_says_so_and_what_it_could_not_examine() -> None:
    found = list(examine(Examined(unknown_settings(), ("node.toml is not valid TOML",))))
    assert found[0] == Finding("settings", Verdict.FAILED, "node.toml is not valid TOML")
    verdicts = {item.name: item.verdict for item in found[1:]}
    assert {name for name, verdict in verdicts.items() if verdict is not Verdict.UNKNOWN} == {"transport", "clock"}
    assert {"storage", "model", "peers", "laboratory"} <= set(verdicts)


def test_peer_when_it_answers_is_away_or_does_not_know_us_then_each_is_said(tmp_path: Path) -> None:
    us = KnownPeer("MVINODE", frozenset({"loopback"}), may_store=True)
    with receiving(policy=AccessPolicy("PACS", (us,))) as receiver:
        port = receiver.scp.port
        peers = {
            "knows": Peer(name="knows", ae_title="PACS", host=LOOPBACK, port=port, receives_results=True),
            "away": Peer(name="away", ae_title="AWAY", host=LOOPBACK, port=free_port(), receives_results=True),
            "other": Peer(name="other", ae_title="WRONG", host=LOOPBACK, port=port, receives_results=True),
            "sends": Peer(name="sends", ae_title="SENDS", host=LOOPBACK, may_send=True),
        }
        found = findings(settings(tmp_path, peers=tuple(peers.values())))
    verdicts = {name: found[f"peer {name}"].verdict for name in peers}
    assert verdicts["away"] is Verdict.UNREACHABLE
    assert verdicts["other"] is Verdict.FAILED
    assert verdicts["sends"] is Verdict.OK
    assert verdicts["knows"] is Verdict.OK


def test_notify_when_a_channel_answers_is_away_or_has_notices_that_wait_then_each_is_said(tmp_path: Path) -> None:
    assert "off" in findings(settings(tmp_path))["notify"].detail
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger, webhook_server() as hook:
        own = settings(tmp_path, notify={"webhook_url": f"http://{LOOPBACK}:{hook.port}", "timeout_s": 5})
        assert findings(own)["notify webhook"].verdict is Verdict.OK
        notice = Notice("parked", "s-1", "Study s-1 is failed.")
        ledger.notices.sync([notice], ["parked"], ["webhook"])
        ledger.notices.failed("webhook", [notice], "the webhook answers HTTP 500")
        waiting = findings(own)["notify webhook"]
        assert waiting.verdict is Verdict.WARNING
        assert "1 notices wait: the webhook answers HTTP 500" in waiting.detail
        assert hook.documents == []
    away = findings(own)["notify webhook"]
    assert away.verdict is Verdict.WARNING
    assert "nobody is told" in away.detail


def test_notify_when_a_test_is_asked_for_then_people_get_it_and_what_cannot_be_sent_is_a_failure(
    tmp_path: Path,
) -> None:
    def tested(own: Settings) -> Finding:
        return next(
            item for item in examine(Examined(own, ()), send_notice=True) if item.name.startswith("notify")
        )

    assert tested(settings(tmp_path)).verdict is Verdict.FAILED
    with webhook_server() as hook:
        own = settings(tmp_path, notify={"webhook_url": f"http://{LOOPBACK}:{hook.port}", "timeout_s": 5})
        assert tested(own).verdict is Verdict.OK
        (document,) = hook.documents
        assert "doctor --notify" in json.dumps(document)
        hook.status = 500
        refused = tested(own)
    assert refused.verdict is Verdict.FAILED
    assert "HTTP 500" in refused.detail


@pytest.mark.peer("openssl")
def test_tls_when_a_certificate_ends_soon_then_says_when_and_which(tmp_path: Path) -> None:
    files = new_authority(tmp_path / "ca").issue("node")
    tls = TlsSection(certificate=str(files.certificate), key=str(files.key), authority=str(files.authority))
    assert findings(settings(tmp_path, tls=tls))["tls"].verdict is Verdict.OK
    soon = findings(settings(tmp_path, tls=tls, notify={"certificate_days": 400}))["tls"]
    ends = certificate_ends(files.certificate)
    assert soon.verdict is Verdict.WARNING
    assert f"tls.certificate ends on {ends:%Y-%m-%d}" in soon.detail
    assert ends - utc_now() < timedelta(days=366)


def test_examine_when_an_authority_cannot_be_read_then_one_finding_says_so_and_nothing_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit = AuditSection(syslog_host=LOOPBACK, authority=str(tmp_path / "absent.pem"))
    found = findings(settings(tmp_path, audit=audit))
    assert "absent.pem" in found["audit repository"].detail
    assert caplog.records == []


def test_compute_when_no_scheduler_answers_then_failed_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.compute.dask_engine.CONNECT_S", 0.5)
    scheduler = f"tcp://{LOOPBACK}:{free_port()}"
    compute = ComputeSection(engine="dask", scheduler=scheduler)
    found = findings(settings(tmp_path, compute=compute))["dask"]
    assert found.verdict is Verdict.FAILED
    assert scheduler in found.detail


@pytest.mark.parametrize(("name", "verdict"), [("", Verdict.WARNING), ("NVIDIA H100", Verdict.OK)])
def test_compute_when_a_gpu_is_wanted_then_says_whether_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, verdict: Verdict
) -> None:
    monkeypatch.setattr("pipeline.segmentation.gpu.gpu_name", lambda: name)
    assert findings(settings(tmp_path, compute=ComputeSection(device="cuda")))["gpu"].verdict is verdict


def test_audit_repository_when_nobody_listens_then_unreachable_and_when_it_is_no_tls_then_failed(
    tmp_path: Path,
) -> None:
    authority = str(new_authority(tmp_path / "ca").issue("repository").authority)

    def repository(port: int) -> Finding:
        audit = AuditSection(syslog_host=LOOPBACK, syslog_port=port, authority=authority)
        return findings(settings(tmp_path, audit=audit))["audit repository"]

    assert repository(free_port()).verdict is Verdict.UNREACHABLE
    with webhook_server() as plain:
        assert repository(plain.port).verdict is Verdict.FAILED

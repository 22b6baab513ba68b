from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.sections.labs import LabsSection
from config.sections.node import NodeSection, TlsSection
from config.sections.notify import NotifySection
from config.sections.studies import RetentionSection
from config.sections.watch import AuditSection
from config.settings import Settings
from node.backoff import BackOff
from node.ledger.ledger import Ledger
from node.ledger.notices import Notice
from node.notify import conditions
from node.notify.channel import ChannelError
from node.notify.conditions import Conditions
from node.notify.notifier import MOST_AT_ONCE, Notifier
from node.states import Event
from node.studies.reference import study_reference
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

PLENTY = 10**12


class Recording:
    """A channel that keeps what it is told, or fails."""

    def __init__(self, name: str = "mail", error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.told: list[list[str]] = []
        self.texts: list[str] = []

    def tell(self, notices: Sequence[Notice]) -> None:
        if self.error is not None:
            raise self.error
        self.told.append([item.kind for item in notices])
        self.texts += [item.text for item in notices]

    def check(self) -> str:
        return ""


class Site:
    """A node with people who want to know."""

    def __init__(self, ledger: Ledger, storage: Path, clock: FakeClock, **sections: Any) -> None:
        self.ledger, self.clock, self.free, self.channel = ledger, clock, PLENTY, Recording()
        settings = Settings(
            node=NodeSection(storage=storage, minimum_free_bytes=10),
            retention=RetentionSection(low_disk_bytes=100),
            notify=NotifySection(undelivered_h=4, certificate_days=30),
            **sections,
        )
        look = Conditions(ledger, settings, lambda _: self.free)
        back_off = BackOff(60, 3600, lambda: 1.0)
        self.notifier = Notifier(ledger, look, [self.channel], back_off)

    def told(self) -> list[list[str]]:
        """Return what was told by one look, one list of kinds a message."""
        self.channel.told.clear()
        self.notifier.check()
        return list(self.channel.told)


@pytest.fixture
def site(ledger: Ledger, tmp_path: Path, clock: FakeClock) -> Site:
    return Site(ledger, tmp_path, clock)


def fail(ledger: Ledger, clock: FakeClock, study: str = STUDY) -> None:
    make_ready(ledger, clock, study)
    ledger.work.give_up(take(ledger), Event.BUG, code="BUG", message="KeyError: 'DOE^JANE'")


def test_parked_study_when_it_stays_parked_then_is_told_once_and_again_when_it_fails_again(
    site: Site, ledger: Ledger, clock: FakeClock
) -> None:
    assert site.told() == []
    fail(ledger, clock)
    assert site.told() == [["parked"]]
    for _ in range(5):
        clock.advance(60)
        assert site.told() == []
    ledger.work.ask_again(STUDY, "anna")
    assert site.told() == []
    ledger.work.give_up(take(ledger), Event.BUG, code="BUG", message="again")
    assert site.told() == [["parked"]]
    # The reference and the code, and neither the UID nor the words of the failure.
    assert site.channel.texts[-1].startswith(f"Study {study_reference(STUDY)} is failed (BUG): `mvi-node studies")
    assert not any(word in text for text in site.channel.texts for word in (STUDY, "DOE", "KeyError"))


def test_parked_studies_when_many_fail_at_once_then_one_message_tells_of_them(
    site: Site, ledger: Ledger, clock: FakeClock
) -> None:
    for number in range(MOST_AT_ONCE + 2):
        fail(ledger, clock, f"{STUDY}.{number}")
    (message,) = site.told()
    assert len(message) == MOST_AT_ONCE + 1
    assert site.channel.texts[-1] == "And 2 more: see `mvi-node queue`."
    assert site.told() == []


def test_results_when_they_wait_too_long_for_a_peer_then_it_is_told_of_once(
    site: Site, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    clock.advance(4 * 3600 - 1)
    assert site.told() == []
    clock.advance(2)
    assert site.told() == [["undelivered"]]
    assert site.channel.texts[-1].startswith("1 study has waited for peer pacs for more than 4 h")
    for item in ledger.outbox.due("pacs"):
        ledger.outbox.refused(item, "never")
    assert site.told() == [["parked"]]  # Refused for good: it does not wait any more, and somebody must act.


def test_low_disk_when_space_comes_and_goes_around_the_limit_then_is_told_once_until_there_is_plenty(
    site: Site,
) -> None:
    site.free = 99
    assert site.told() == [["low-disk"]]
    for site.free in (101, 99, 109, 80):
        assert site.told() == []
    site.free = 9
    assert site.told() == [["low-disk"]]  # Now nothing is received any more.
    assert "nothing is received" in site.channel.texts[-1]
    site.free = 111
    assert site.told() == []
    site.free = 99
    assert site.told() == [["low-disk"]]


def test_certificate_when_it_expires_soon_then_is_told_once_and_the_new_one_is_not(
    ledger: Ledger, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = TlsSection(certificate="own.pem", key="own.key", authority="ca.pem")
    site = Site(ledger, tmp_path, clock, tls=tls)
    ends = {"own.pem": clock.now + timedelta(days=31), "ca.pem": clock.now + timedelta(days=900)}
    monkeypatch.setattr(conditions, "certificate_ends", lambda path: ends[path.name])
    assert site.told() == []
    clock.advance(2 * 86_400)
    assert site.told() == [["certificate"]]
    assert "tls.certificate expires on 2026-04-01" in site.channel.texts[-1]
    clock.advance(40 * 86_400)
    assert site.told() == []
    ends["own.pem"] = clock.now + timedelta(days=365)
    assert site.told() == []
    del ends["ca.pem"]  # What cannot be looked at hides nothing else.
    site.free = 50
    assert site.told() == [["low-disk"]]


def test_certificate_when_it_is_an_authority_of_a_peer_then_its_end_is_told_and_one_that_is_away_hides_none(
    tmp_path: Path,
) -> None:
    authority = new_authority(tmp_path / "authority")
    settings = Settings(
        labs=LabsSection(fhir_ca=str(authority.certificate)),
        audit=AuditSection(authority=str(tmp_path / "absent.pem")),
        notify=NotifySection(smtp_ca=str(authority.certificate), webhook_ca=str(authority.certificate)),
    )
    found = conditions.certificate_dates(settings)
    assert set(found) == {"labs.fhir_ca", "notify.smtp_ca", "notify.webhook_ca"}
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(
    "error", [ChannelError("the mail server cannot be used: refused"), ValueError("\u00e4@site")]
)
def test_channel_when_it_fails_then_is_tried_again_ever_more_rarely_and_the_ledger_says_so(
    site: Site, ledger: Ledger, clock: FakeClock, error: Exception
) -> None:
    other = Recording("webhook")
    site.notifier = Notifier(
        ledger, site.notifier._conditions, [site.channel, other], BackOff(60, 3600, lambda: 1.0)
    )
    site.channel.error = error
    fail(ledger, clock)
    for _ in range(10):  # Ten minutes, a look each: at 0, 1, 3 and 7.
        site.told()
        clock.advance(60)
    assert other.told == [["parked"]]
    assert site.notifier.counts()["mail", "failed"] == 4
    number, because = ledger.notices.waiting()["mail"]
    assert number == 1
    assert ("refused" in because) or ("ValueError" in because)
    site.channel.error = None
    clock.advance(3600)
    assert site.told() == [["parked"]]
    assert ledger.notices.waiting() == {}
    assert site.notifier.counts()["mail", "sent"] == 1
    assert dict(ledger.notices.count()) == {"parked": 1}


def test_notices_when_the_node_starts_again_then_are_not_told_again(
    site: Site, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    fail(ledger, clock)
    assert site.told() == [["parked"]]
    assert Site(ledger, tmp_path, clock).told() == []

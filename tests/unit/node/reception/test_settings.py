import pytest

from config.sections.node import NodeSection
from dicom_io.network.access import LOOK_UP_EVERY_S
from node.reception.settings import access_policy
from tests.unit.node.reception_setup import PEERS


def test_policy_when_peers_are_set_then_senders_may_store_and_the_pacs_may_report() -> None:
    policy = access_policy(NodeSection(), PEERS)

    def rejected(calling: str, host: str) -> bool:
        return policy.rejection(called_ae_title="MVINODE", calling_ae_title=calling, host=host) is not None

    assert not rejected("SCANNER", "127.0.0.1")
    assert not rejected("PACS", "::1")
    assert rejected("STRANGER", "127.0.0.1")
    assert rejected("SCANNER", "10.0.0.7")
    assert policy.may_store(calling_ae_title="SCANNER", host="127.0.0.1")
    assert not policy.may_store(calling_ae_title="PACS", host="127.0.0.1")


def test_policy_when_a_host_name_is_unknown_then_only_that_peer_is_rejected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = access_policy(
        NodeSection(), PEERS, lambda host: frozenset() if host == "localhost" else frozenset({"a"})
    )

    assert "peer pacs: host localhost has no address" in caplog.text
    assert policy.knows_host("a")


def test_policy_when_a_peer_gets_its_address_later_then_it_is_looked_up_again_now_and_then() -> None:
    now_s, found, asked = 100.0, frozenset[str](), list[str]()

    def resolve(host: str) -> frozenset[str]:
        asked.append(host)
        return found

    policy = access_policy(NodeSection(), PEERS, resolve, lambda: now_s)

    def rejected(calling: str, host: str) -> bool:
        return policy.rejection(called_ae_title="MVINODE", calling_ae_title=calling, host=host) is not None

    asked.clear()
    assert rejected("SCANNER", "10.0.0.7")
    found = frozenset({"10.0.0.7"})
    assert rejected("SCANNER", "10.0.0.7")
    assert rejected("STRANGER", "10.0.0.7")
    assert len(asked) == 1
    now_s += LOOK_UP_EVERY_S
    assert not policy.knows_host("10.0.0.7")
    assert not rejected("SCANNER", "10.0.0.7")
    assert policy.may_store(calling_ae_title="SCANNER", host="10.0.0.7")
    assert policy.knows_host("10.0.0.7")
    # The scanner moves while the name service is away: what was known stays, until it is known better.
    found = frozenset()
    now_s += LOOK_UP_EVERY_S
    assert rejected("SCANNER", "10.0.0.8")
    assert not rejected("SCANNER", "10.0.0.7")
    found = frozenset({"10.0.0.8"})
    now_s += LOOK_UP_EVERY_S
    assert not rejected("SCANNER", "10.0.0.8")
    assert rejected("SCANNER", "10.0.0.7")
    assert len(asked) == 4

import pytest

from dicom_io.network.access import AccessPolicy, KnownPeer, Rejection, canonical_address, resolve_addresses

SCANNER = KnownPeer("SCANNER", frozenset({"10.0.0.7"}), may_store=True)
PACS = KnownPeer("PACS", frozenset({"10.0.0.5", "loopback"}), may_store=False)
POLICY = AccessPolicy("MVINODE", (SCANNER, PACS))


@pytest.mark.parametrize(
    ("called", "calling", "host", "expected"),
    [
        ("MVINODE", "SCANNER", "10.0.0.7", None),
        ("MVINODE ", " SCANNER", "10.0.0.7", None),
        ("MVINODE", "SCANNER", "::ffff:10.0.0.7", None),
        ("MVINODE", "PACS", "127.0.0.1", None),
        ("MVINODE", "PACS", "::1", None),
        ("mvinode", "SCANNER", "10.0.0.7", Rejection.CALLED_AE_TITLE_NOT_RECOGNISED),
        ("OTHER", "SCANNER", "10.0.0.7", Rejection.CALLED_AE_TITLE_NOT_RECOGNISED),
        ("MVINODE", "STRANGER", "10.0.0.7", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
        ("MVINODE", "SCANNER", "10.0.0.8", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
        ("MVINODE", "SCANNER", "10.0.0.5", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
        ("MVINODE", "SCANNER", "127.0.0.1", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
    ],
)
def test_rejection_when_titles_and_address_are_checked_then_all_three_must_fit(
    called: str, calling: str, host: str, expected: Rejection | None
) -> None:
    assert POLICY.rejection(called_ae_title=called, calling_ae_title=calling, host=host) is expected


def test_may_store_when_peer_only_receives_results_then_is_false() -> None:
    assert POLICY.may_store(calling_ae_title="SCANNER", host="10.0.0.7")
    assert not POLICY.may_store(calling_ae_title="PACS", host="10.0.0.5")


def test_policy_when_open_to_loopback_then_takes_any_title_from_this_machine_only() -> None:
    policy = AccessPolicy("ARCHIVE", open_to_loopback=True)

    assert policy.rejection(called_ae_title="ARCHIVE", calling_ae_title="ANY", host="127.0.0.1") is None
    assert policy.rejection(called_ae_title="ARCHIVE", calling_ae_title="ANY", host="10.0.0.7") is not None
    assert policy.knows_host("::1")
    assert not policy.knows_host("10.0.0.7")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("PACS.Example", "pacs.example"),
    ],
)
def test_canonical_address_when_spelled_differently_then_is_one(host: str, expected: str) -> None:
    assert canonical_address(host) == expected


def test_resolve_when_name_has_several_addresses_then_knows_them_all() -> None:
    assert resolve_addresses("pacs", lambda _: ["10.0.0.5", "::1"]) == {"10.0.0.5", "loopback"}


def test_resolve_when_name_is_unknown_then_is_empty() -> None:
    def fail(_: str) -> list[str]:
        raise OSError("Name or service not known")

    assert resolve_addresses("nowhere.invalid", fail) == frozenset()
    assert resolve_addresses("a" * 300) == frozenset()


def test_resolve_when_localhost_then_is_loopback() -> None:
    assert resolve_addresses("localhost") == {"loopback"}

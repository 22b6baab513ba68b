"""What each answer of a DICOMweb service means; Orthanc's own is in tests/integration."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dicom_io.network.identity import read_file_identity
from dicom_io.network.qido import find_instances, offers_query
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from dicom_io.network.stow import offers_storage, store_files
from dicom_io.network.web_service import WebService
from tests.unit.dicom_io.network.instances import write_instances

UID = "1.2.3.4"
Answers = Callable[[str], tuple[int, object]]


class Server(ThreadingHTTPServer):
    """Answers as it is told and remembers what it was asked."""

    answers: Answers
    asked: list[tuple[str, str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization") or ""))
        status, document = self.server.answers(self.path)
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the names of the base class

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(answers: Answers) -> Iterator[tuple[WebService, list[tuple[str, str, str]]]]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked = answers, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield WebService(f"http://127.0.0.1:{server.server_address[1]}/dicom-web"), server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (path,) = write_instances(tmp_path, 1, sop_instance_uid=UID)
    return path


def stored(service: WebService, *paths: Path) -> list[SendOutcome]:
    outcomes: list[SendOutcome] = []

    def go_on(outcome: SendOutcome) -> bool:
        outcomes.append(outcome)
        return outcome.disposition is not Disposition.TRANSIENT

    store_files(service, paths, go_on)
    return outcomes


def response(sequence: str, reason_tag: str, reason: int) -> dict[str, object]:
    """Return a Store Instances Response about `UID`."""
    item = {"00081155": {"vr": "UI", "Value": [UID]}, reason_tag: {"vr": "US", "Value": [reason]}}
    return {sequence: {"vr": "SQ", "Value": [item]}}


REFERENCED, FAILED, WARNING_REASON, FAILURE_REASON = "00081199", "00081198", "00081196", "00081197"


@pytest.mark.parametrize(
    ("status", "document", "disposition", "words"),
    [
        (200, response(REFERENCED, WARNING_REASON, 0), Disposition.DELIVERED, ""),
        (200, None, Disposition.DELIVERED, ""),
        (
            202,
            response(REFERENCED, WARNING_REASON, 0xB000),
            Disposition.WARNING,
            "0xB000, coercion of data elements",
        ),
        (202, response(FAILED, FAILURE_REASON, 0xA700), Disposition.TRANSIENT, "0xA700, out of resources"),
        (409, response(FAILED, FAILURE_REASON, 0x0122), Disposition.PERMANENT, "0x0122, SOP class not supported"),
        (200, "words", Disposition.WARNING, "with an unreadable answer"),
        (409, None, Disposition.PERMANENT, "HTTP 409"),
        (413, None, Disposition.PERMANENT, "HTTP 413"),
        (429, None, Disposition.TRANSIENT, "HTTP 429"),
        (503, None, Disposition.TRANSIENT, "HTTP 503"),
    ],
)
def test_store_when_the_service_answers_then_its_words_become_a_disposition(
    path: Path, status: int, document: object, disposition: Disposition, words: str
) -> None:
    with serving(lambda _: (status, document)) as (service, asked):
        (outcome,) = stored(service, path)
    assert (outcome.disposition, outcome.sop_instance_uid) == (disposition, UID)
    assert words in outcome.message
    assert [(method, where) for method, where, _ in asked] == [("POST", "/dicom-web/studies")]


@pytest.mark.parametrize(("status", "words"), [(401, "credentials"), (403, "credentials"), (404, "no STOW-RS")])
def test_store_when_the_service_lets_nobody_in_then_the_peer_is_to_be_parked(
    path: Path, status: int, words: str
) -> None:
    with serving(lambda _: (status, None)) as (service, _), pytest.raises(AccessRefusedError, match=words):
        stored(service, path)


def test_store_when_nobody_listens_then_nothing_was_sent(path: Path) -> None:
    with serving(lambda _: (200, None)) as (service, _):
        pass
    with pytest.raises(PeerError, match="no DICOMweb service could be reached there") as caught:
        stored(service, path)
    assert caught.value.transient


def test_store_when_the_first_is_not_taken_now_then_the_rest_is_not_sent(path: Path) -> None:
    with serving(lambda _: (503, None)) as (service, asked):
        assert len(stored(service, path, path)) == 1
    assert len(asked) == 1


def test_store_when_credentials_are_in_a_file_then_each_association_reads_it(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "authorization"
    with serving(lambda _: (200, None)) as (bare, asked):
        service = WebService(bare.url, secret)
        with pytest.raises(AccessRefusedError, match="file with its credentials cannot be read"):
            stored(service, path)
        for token in ("Bearer one", "Bearer two"):
            secret.write_text(f"{token}\n", encoding="ascii")
            stored(service, path)
    assert [authorization for _, _, authorization in asked] == ["Bearer one", "Bearer two"]


def test_find_when_the_service_has_it_then_says_so(path: Path) -> None:
    identity = read_file_identity(path).identity
    with serving(lambda _: (200, [{"00080018": {"vr": "UI", "Value": [UID]}}])) as (service, asked):
        assert find_instances(service, [identity]) == {UID}
    # Some services refuse to search everything, and some do it.
    assert all(identity.study_instance_uid in where for _, where, _ in asked)
    assert f"SOPInstanceUID={UID}" in asked[-1][1]


@pytest.mark.parametrize("answer", [(200, []), (204, None), (404, None)])
def test_find_when_the_service_has_it_not_then_says_so(path: Path, answer: tuple[int, object]) -> None:
    identity = read_file_identity(path).identity
    with serving(lambda where: answer if "instances" in where else (200, [])) as (service, _):
        assert find_instances(service, [identity]) == frozenset()


def test_find_when_there_is_no_query_service_then_is_refused_and_the_service_still_answers(path: Path) -> None:
    identity = read_file_identity(path).identity
    with serving(lambda _: (404, None)) as (service, _):
        with pytest.raises(PeerRefusedError, match="no QIDO-RS"):
            find_instances(service, [identity])
        assert not offers_query(service)


def test_find_when_the_answer_is_no_json_then_is_tried_again(path: Path) -> None:
    with serving(lambda _: (200, "words")) as (service, _), pytest.raises(PeerError) as caught:
        find_instances(service, [read_file_identity(path).identity])
    assert caught.value.transient


@pytest.mark.parametrize(("status", "offers"), [(400, True), (200, True), (404, False), (405, False)])
def test_offers_storage_when_nothing_is_sent_then_the_answer_says_whether_there_is_stow(
    status: int, offers: bool
) -> None:
    with serving(lambda _: (status, None)) as (service, asked):
        assert offers_storage(service) is offers
    assert [(method, where) for method, where, _ in asked] == [("POST", "/dicom-web/studies")]


def test_offers_storage_when_the_service_lets_nobody_in_then_access_is_refused() -> None:
    with serving(lambda _: (401, None)) as (service, _), pytest.raises(AccessRefusedError, match="credentials"):
        offers_storage(service)

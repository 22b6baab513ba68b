import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter

from node.watch.health import Dependency, Health
from node.watch.service import WatchError, WatchService

LOOPBACK = "127.0.0.1"


class Switch:
    def __init__(self) -> None:
        self.on = True

    def check(self) -> Dependency:
        return Dependency(self.on, "as it is switched")


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def service(switch: Switch) -> Iterator[WatchService]:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc(3)
    with WatchService(LOOPBACK, 0, registry, Health({"switch": switch.check}, time.monotonic)) as running:
        yield running


def ask(service: WatchService, path: str, method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection(LOOPBACK, service.port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_metrics_when_asked_for_then_the_registry_is_exposed(service: WatchService) -> None:
    status, body = ask(service, "/metrics")
    assert status == 200
    assert "things_total 3.0" in body


def test_readyz_when_a_dependency_fails_then_503_and_it_is_named(service: WatchService, switch: Switch) -> None:
    assert ask(service, "/readyz")[0] == 200
    switch.on = False
    status, body = ask(service, "/readyz")
    assert status == 503
    assert json.loads(body)["dependencies"]["switch"]["ok"] is False
    assert ask(service, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/metrics", 405), ("DELETE", "/readyz", 405), ("GET", "/etc/passwd", 404)],
)
def test_anything_else_when_asked_for_then_refused(
    service: WatchService, method: str, path: str, status: int
) -> None:
    assert ask(service, path, method)[0] == status


def test_silent_clients_when_connected_then_others_are_answered(service: WatchService) -> None:
    silent = [socket.create_connection((LOOPBACK, service.port), timeout=5) for _ in range(20)]
    try:
        assert ask(service, "/healthz")[0] == 200
    finally:
        for connection in silent:
            connection.close()


def test_port_when_taken_then_the_key_to_change_is_named(service: WatchService) -> None:
    other = WatchService(LOOPBACK, service.port, CollectorRegistry(), Health({}, time.monotonic))
    with pytest.raises(WatchError, match=r"watch\.port"), other:
        pass

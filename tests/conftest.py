"""Shared fixtures, and the rule for peers: tests name the program they need and are skipped by that name."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.service import mvi_node

REQUIRE_ALL = os.environ.get("MVI_TESTS_REQUIRE_ALL") == "1"
"""Set in continuous integration: a missing peer fails its tests, and a skipped test fails the run."""

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _postgresql_server() -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(folders[-1]) if folders else None


def _ohif() -> str | None:
    index = Path(__file__).parent / "viewers" / "node_modules" / "@ohif" / "app" / "dist" / "index.html"
    return str(index) if index.is_file() else None


def promtool() -> str | None:
    """Return the checker of Prometheus, from where `deploy/install_test_peers.sh` lays it or from the system."""
    own = Path(__file__).resolve().parents[1] / "build" / "peers" / "promtool"
    return shutil.which(str(own)) or shutil.which("promtool")


def _strace() -> str | None:
    """Return the program where it is there and may trace: containers and hardened kernels forbid it."""
    program = shutil.which("/usr/bin/strace")
    if program is None:
        return None
    tried = subprocess.run(
        [program, "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True, check=False
    )
    return program if tried.returncode == 0 else None


PEERS: dict[str, Callable[[], str | None]] = {
    # DCMTK by absolute path: pynetdicom puts tools of the same names into the environment.
    "dcmtk": lambda: shutil.which("/usr/bin/storescu"),
    "dicom3tools": lambda: shutil.which("/usr/bin/dciodvfy"),
    "orthanc": lambda: shutil.which("/usr/sbin/Orthanc"),
    "openssl": lambda: shutil.which("openssl"),
    "postgresql": _postgresql_server,
    "chromium": lambda: shutil.which("/usr/bin/chromium"),
    "ohif": _ohif,
    "strace": _strace,
    "systemd": lambda: shutil.which("/usr/bin/systemd-analyze"),
    "promtool": promtool,
}
NOT_REQUIRED = frozenset({"strace"})
"""Skipped in continuous integration too: its machine may forbid tracing, and a test without it shows the same."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        (name,) = mark.args
        if PEERS[name]() is None:
            reason = f"needs {name}: deploy/install_test_peers.sh installs it"
            if name in NOT_REQUIRED:
                pytest.skip(f"{reason}, and this system must let it trace")
            if REQUIRE_ALL:
                pytest.fail(reason)
            pytest.skip(reason)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [report for report in reporter.stats.get("skipped", []) if _counts(report)] if reporter else []
    if REQUIRE_ALL and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _counts(skipped: pytest.TestReport) -> bool:
    reason = str(skipped.longrepr)
    return not any(f"needs {name}:" in reason for name in NOT_REQUIRED)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Real DICOM of other studies, beside the repository; never copied into it."""
    folder = SHARED / "realdata"
    if not folder.is_dir():
        if REQUIRE_ALL:
            pytest.fail("shared/realdata is not beside the repository")
        pytest.skip("shared/realdata is not beside the repository")
    return folder


@dataclass(frozen=True)
class DemoRun:
    """What `mvi-node demo` left, and what it printed."""

    out: Path
    result: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """One study through the whole loop, for every test that needs a real result; it takes a minute."""
    out = tmp_path_factory.mktemp("demo")
    return DemoRun(out, mvi_node("demo", "--out", str(out), timeout_s=600))


@pytest.fixture(autouse=True)
def _no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("MVI_NODE_")]:
        monkeypatch.delenv(name)
    yield

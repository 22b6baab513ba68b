"""`deploy/install.sh` run for real, without a network, into a clean folder.

The packages are the real ones, from the real lock with their hashes, but only those that these verbs need; a
whole node is 98 wheels, 722 MB, and takes minutes (`make wheelhouse`).
"""

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.write_lock import canonical, main
from tests.conftest import REQUIRE_ALL

ROOT = Path(__file__).resolve().parents[2]
NEEDED = frozenset(
    {
        *("setuptools", "typer", "click", "rich", "markdown-it-py", "mdurl", "pygments", "shellingham"),
        *(
            "typing-extensions",
            "annotated-doc",
            "annotated-types",
            "pydantic",
            "pydantic-core",
            "typing-inspection",
        ),
        *(
            "sqlalchemy",
            "alembic",
            "mako",
            "markupsafe",
            "pydicom",
            "pynetdicom",
            "requests",
            "urllib3",
            "certifi",
        ),
        *("idna", "charset-normalizer", "prometheus-client", "packaging", "cryptography", "cffi", "pycparser"),
    }
)
NEXT = "9999"
"""A revision that no release has."""
MIGRATION = f'''
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "BEFORE"

def upgrade():
    op.create_table("next_release", sa.Column("a", sa.Integer))
'''


def interpreter() -> str:
    """Return a Python of the version that the lock is for, which a service user may run."""
    for program in ("/usr/bin/python3", sys.executable):
        asked = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"
        if Path(program).exists() and subprocess.run([program, "-c", asked], check=False).returncode == 0:
            return program
    pytest.skip("the lock is for Python 3.11")


@dataclass(frozen=True)
class Site:
    root: Path
    wheelhouse: Path
    python: str

    def run(self, *arguments: str, wheelhouse: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the installer that lies in the wheelhouse, with no way to a package index."""
        script = (wheelhouse or self.wheelhouse) / "install.sh"
        # Compiled or not is nothing that is tested, and half of the time.
        environment = os.environ | {"PIP_NO_COMPILE": "1", "PIP_INDEX_URL": "file:///nowhere", "PYTHONPATH": ""}
        command = ["bash", str(script), "--root", str(self.root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)

    def install(self, wheelhouse: Path | None = None) -> "subprocess.CompletedProcess[str]":
        folder = wheelhouse or self.wheelhouse
        return self.run("--wheelhouse", str(folder), "--python", self.python, wheelhouse=folder)

    def verb(self, *arguments: str) -> dict[str, Any]:
        """Run a verb through the program that operators use."""
        command = [str(self.root / "usr/local/bin/mvi-node"), *arguments, "--json"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
        assert result.returncode == 0, result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    @property
    def release(self) -> str:
        return (self.root / "opt/mvi-node/current").readlink().name

    @property
    def ledger(self) -> Path:
        return self.root / "var/lib/mvi-node/ledger.sqlite"

    def tables(self) -> set[str]:
        with closing(sqlite3.connect(self.ledger)) as ledger:
            return {name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.ledger)) as ledger, ledger:
            ledger.execute(statement)


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    entries = re.split(
        r"(?m)^(?=[A-Za-z0-9])", (ROOT / "deploy/requirements-cpu.lock").read_text(encoding="utf-8")
    )
    kept = [entry for entry in entries if canonical(entry.split("==")[0]) in NEEDED]
    assert len(kept) == len(NEEDED)
    lock = folder.with_name("slice.lock")
    lock.write_text("".join(kept), encoding="utf-8")
    command = [
        str(ROOT / "deploy/make_wheelhouse.sh"),
        "--python",
        interpreter(),
        "--lock",
        str(lock),
        str(folder),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if made.returncode and not REQUIRE_ALL and "hash" not in made.stderr.lower():
        pytest.skip(f"the wheels cannot be fetched: {made.stderr[-200:]}")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def site(wheelhouse: Path) -> Iterator[Site]:
    """Return a fresh installation."""
    # Not below pytest's folder, which a service user may not enter.
    root = Path(tempfile.mkdtemp(prefix="mvi-root-", dir="/var/tmp"))
    root.chmod(0o755)
    try:
        fresh = Site(root, wheelhouse, interpreter())
        result = fresh.install()
        assert result.returncode == 0, result.stderr
        yield fresh
    finally:
        shutil.rmtree(root)


@pytest.fixture
def next_wheelhouse(wheelhouse: Path, tmp_path: Path) -> Path:
    """The same packages with the next release of the node, whose ledger has one table more."""
    source, folder = tmp_path / "source", tmp_path / "next"
    source.mkdir()
    for part in ("config", "dicom_io", "node", "pipeline"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    project = source / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', 'version = "99.0"', project.read_text(encoding="utf-8")))
    schema = source / "node/ledger/schema.py"
    text = schema.read_text(encoding="utf-8")
    (before,) = re.findall(r'SCHEMA_VERSION = "(\d+)"', text)
    schema.write_text(text.replace(f'SCHEMA_VERSION = "{before}"', f'SCHEMA_VERSION = "{NEXT}"'), encoding="utf-8")
    versions = source / "node/ledger/migrations/versions"
    (versions / f"{NEXT}_next.py").write_text(MIGRATION.replace("BEFORE", before), encoding="utf-8")
    shutil.copytree(wheelhouse, folder, ignore=shutil.ignore_patterns("mvi_node-*"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    assert main(folder, wheelhouse.with_name("slice.lock")) == ""
    return folder


def test_install_when_the_folder_was_clean_then_runs_from_there_and_a_second_time_changes_nothing(
    site: Site,
) -> None:
    configuration = site.root / "etc/mvi-node/node.toml"
    storage = site.root / "var/lib/mvi-node"
    for path, mode in ((configuration, 0o600), (storage, 0o700), (site.ledger, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    assert site.verb("config", "check") == {"valid": True, "problems": [], "advice": []}
    assert site.verb("config", "show")["node.storage"]["value"] == str(storage)
    unit = (site.root / "etc/systemd/system/mvi-node.service").read_text(encoding="utf-8")
    assert f"ExecStart={site.root}/opt/mvi-node/current/bin/mvi-node serve --config {configuration}" in unit
    assert "@" not in re.sub(r"@(system-service|privileged)", "", unit)
    if os.getuid() == 0:
        account = (site.root / "etc/passwd").read_text(encoding="utf-8").strip().split(":")
        assert (account[0], account[-1]) == ("mvi-node", "/usr/sbin/nologin")
        assert str(configuration.stat().st_uid) == str(site.ledger.stat().st_uid) == account[2] != "0"

    # Passwords of the service are those of the verbs too.
    secrets = configuration.with_name("environment")
    secrets.write_text("MVI_NODE_NODE__AE_TITLE=SECRET\n", encoding="utf-8")
    os.chown(secrets, configuration.stat().st_uid, configuration.stat().st_gid)
    assert site.verb("config", "show")["node.ae_title"]["value"] == "SECRET"
    secrets.unlink()

    before = {path: path.lstat().st_mtime_ns for path in (configuration, site.ledger)}
    again = site.install()
    assert again.returncode == 0, again.stderr
    assert "installing" not in again.stderr
    assert {path: path.lstat().st_mtime_ns for path in before} == before
    assert not list((site.root / "var/backups/mvi-node").iterdir())


def test_upgrade_when_it_fails_then_all_is_as_before_and_when_not_then_it_can_be_rolled_back(
    site: Site, next_wheelhouse: Path
) -> None:
    old, configuration = site.release, site.root / "etc/mvi-node/node.toml"
    site.execute("CREATE TABLE evidence (a)")

    # A configuration that the new release does not take: nothing is touched.
    kept = configuration.read_text(encoding="utf-8")
    configuration.write_text(kept + "\n[unknown]\nkey = 1\n", encoding="utf-8")
    refused = site.install(next_wheelhouse)
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert not list((site.root / "var/backups/mvi-node").iterdir())
    configuration.write_text(kept, encoding="utf-8")

    # A migration that cannot be done: the table is there already.
    site.execute("CREATE TABLE next_release (b)")
    failed = site.install(next_wheelhouse)
    assert failed.returncode == 1
    assert "it is as it was" in failed.stderr
    assert site.release == old
    assert site.verb("db", "migrate")["before"] == site.verb("db", "migrate")["after"] != NEXT
    site.execute("DROP TABLE next_release")

    done = site.install(next_wheelhouse)
    assert done.returncode == 0, done.stderr
    assert site.release.startswith("99.0-")
    assert {"evidence", "next_release"} <= site.tables()
    assert site.verb("db", "migrate") == {"before": NEXT, "after": NEXT}

    configuration.write_text(kept.replace("MVINODE", "AFTER"), encoding="utf-8")
    back = site.run("--rollback")
    assert back.returncode == 0, back.stderr
    assert site.release == old
    assert "evidence" in site.tables()
    assert "next_release" not in site.tables()
    assert configuration.read_text(encoding="utf-8") == kept
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    assert site.verb("db", "migrate")["after"] != NEXT
    # There is one step back, and no second.
    assert site.run("--rollback").returncode == 1


def test_wheelhouse_when_a_wheel_was_changed_then_nothing_is_installed(site: Site, tmp_path: Path) -> None:
    changed, old = tmp_path / "changed", site.release
    shutil.copytree(site.wheelhouse, changed)
    (wheel,) = changed.glob("certifi-*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\n")
    lock = changed / "requirements.lock"
    lock.write_text(lock.read_text(encoding="utf-8") + "\n", encoding="utf-8")  # Another release.
    result = site.install(changed)
    assert result.returncode == 1
    assert "DO NOT MATCH THE HASHES" in result.stderr
    assert site.release == old


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--unknown"], "unknown option --unknown"),
        (["--wheelhouse", "/var/empty"], "make_wheelhouse.sh"),
        (["--python", "/nowhere/python3"], "name one with --python"),
        (["--rollback"], "no version to go back to"),
    ],
)
def test_install_when_it_is_used_wrongly_then_one_line_says_what_to_do(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    command = ["bash", str(ROOT / "deploy/install.sh"), "--root", str(tmp_path / "root"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    assert arguments == ["--rollback"] or not (tmp_path / "root/etc/passwd").exists()
    assert len([line for line in result.stderr.splitlines() if line.startswith("install: ")]) == 1 + (
        os.getuid() != 0
    )

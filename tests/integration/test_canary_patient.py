"""A patient who is named wherever a header, a message or a file has room, through a whole run of the node.

Name, address and date of birth appear in no log, metric, audit trail, error, notification and ledger.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from dicom_io.network.requestor import RemoteAE
from dicom_io.network.storage_scu import send_files
from dicom_io.phantom.miniature import miniature
from dicom_io.phantom_series import settings_for, write_phantom_study
from node.audit.follower import Follower
from node.audit.patients import Patients
from node.audit.trail import Trail
from node.cli import app
from node.demo.processes import free_port
from node.ledger.changes import Changes
from node.ledger.ledger import open_ledger, utc_now
from pipeline.model_bundle import write_bundle
from pipeline.phantom import make_case
from tests.integration.service import LOOPBACK, RunningNode, running_node
from tests.unit.dicom_io.deidentification.canary import (
    ADDRESS,
    BIRTH_DATE,
    GIVEN,
    NAME,
    PATIENT_ID,
    PHONE,
    PHYSICIAN,
    say_everything,
)
from tests.unit.node.doubles import FakeClock
from tests.unit.node.labs.hl7_samples import panel
from tests.unit.node.labs.sender import Sender
from tests.unit.node.notify.servers import webhook_server
from tests.unit.pipeline.bundles import SMALL, blank_tensors

pytestmark = pytest.mark.slow

SECRETS = (NAME, GIVEN, BIRTH_DATE, "1937-02-14", ADDRESS, PHONE, PHYSICIAN, "\u91d1\u4e1d\u96c0")
SCANNER = {"name": "scanner", "ae_title": "SCANNER", "host": LOOPBACK, "may_send": True}
PATIENCE_S = 540.0


def told(study: list[Path]) -> list[Path]:
    for path in study:
        say_everything(path)
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """A study that parks the node's worker, since its registration is broken, and one that is refused."""
    folder = tmp_path_factory.mktemp("studies")
    write_phantom_study(miniature(make_case(5, settings=settings_for("standard"))), folder / "whole")
    whole = told(sorted(path for path in (folder / "whole" / "dicom").rglob("*") if path.is_file()))
    refused = []
    for number, path in enumerate(whole[:12]):
        copy = folder / f"refused-{number}.dcm"
        shutil.copy(path, copy)
        ds = dcmread(copy)
        ds.StudyInstanceUID += ".1"
        ds.SOPInstanceUID += f".{number}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        # Where a number belongs, and a library would quote what it cannot read.
        ds[0x0018, 0x0080].__dict__["_value"] = NAME
        ds.save_as(copy)
        refused.append(copy)
    return whole, refused


def wait_until(condition: Callable[[], bool], node: RunningNode) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, node.log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.3)


def states(node: RunningNode) -> Iterator[str]:
    with sqlite3.connect(
        f"file:{node.configuration.parent / 'storage' / 'ledger.sqlite'}?mode=ro", uri=True
    ) as ledger:
        yield from (state for (state,) in ledger.execute("SELECT state FROM studies"))
    ledger.close()


def spoken(node: RunningNode, studies: tuple[list[Path], list[Path]]) -> Iterator[tuple[str, str]]:
    """Yield what verbs print on both streams; `explain` and `match` show descriptions, as they must."""
    uids = [str(dcmread(study[0], stop_before_pixels=True).StudyInstanceUID) for study in studies]
    file = node.configuration.parent / "labs.csv"
    file.write_text(f"patient_id,name,ast_u_per_l\n{PATIENT_ID},{NAME},{ADDRESS}\n", encoding="utf-8")
    verbs = [["studies", "list"], ["queue"], ["labs", "list"], ["audit", "export"], ["audit", "export", "--xml"]]
    verbs += [["studies", verb, uid] for uid in uids for verb in ("show", "cancel", "reprocess", "purge")]
    for verb in [*verbs, ["labs", "import", str(file)]]:
        ended = CliRunner().invoke(app, [*verb, "--config", str(node.configuration)])
        yield " ".join(verb), f"{ended.output}{ended.exception!r}"


def test_run_when_a_patient_is_named_everywhere_then_nothing_that_others_see_names_the_patient(
    tmp_path: Path, studies: tuple[list[Path], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, labs = free_port(), free_port()
    with webhook_server() as hook:
        environment = {
            "WATCH__PORT": watch,
            "LABS__PORT": labs,
            "NOTIFY__WEBHOOK_URL": f"http://{LOOPBACK}:{hook.port}",
            "NOTIFY__CHECK_EVERY_S": 1,
            # Nothing listens there: the result of the refused study waits, and whoever calls is told why.
            "NOTIFY__UNDELIVERED_H": 0.0001,
            "MODEL__FOLDER": tmp_path / "models",
        }
        for name, value in environment.items():
            monkeypatch.setenv(f"MVI_NODE_{name}", str(value))
        python_path = str(break_registration(tmp_path / "broken"))
        monkeypatch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [python_path, os.environ.get("PYTHONPATH")]))
        )
        write_useless_model(tmp_path / "models")
        pacs = {
            "name": "pacs",
            "ae_title": "PACS",
            "host": LOOPBACK,
            "port": free_port(),
            "receives_results": True,
        }
        with running_node(tmp_path, 0, [SCANNER, pacs], settle_s=0.5, deadline_s=3, check_every_s=0.5) as node:
            for study in studies:
                send_files(study, RemoteAE(node.ae_title, LOOPBACK, node.port), calling_ae_title="SCANNER")
            with Sender(labs) as sender:
                for broken in (b"", b"|NM|"):
                    message = panel("1", f"{PATIENT_ID}^^^HOSP^MR").replace(b"Doe^Jane||19600102", canary_in_pid())
                    sender.ask(message.replace(b"|NM|", broken) if broken else message)
            wait_until(lambda: sorted(states(node)) == ["delivering", "failed"], node)
            wait_until(
                lambda: (
                    {item["kind"] for document in hook.documents for item in document["notices"]}
                    >= {"parked", "undelivered"}
                ),
                node,
            )
            said = {"webhook": str(hook.documents)}
            for path in ("/metrics", "/healthz", "/readyz"):
                with urlopen(f"http://{LOOPBACK}:{watch}{path}", timeout=10) as answer:
                    said[path] = answer.read().decode()
            said |= dict(spoken(node, studies))
        said |= {"log": node.log.read_text(encoding="utf-8"), "trail": trail_of(tmp_path / "storage")}
    # It was a real run: an error with its traceback, a refusal, messages.
    assert "Traceback" in said["log"]
    assert 'mvi_results_total{code="BUG",outcome="failed"}' in said["/metrics"]
    assert {(where, secret) for where, text in said.items() for secret in SECRETS if secret in text} == set()
    assert PATIENT_ID not in "".join(said[where] for where in ("log", "webhook", "/metrics", "/readyz"))
    # PS3.15 A.5.3: the audit says whose study it was, by this number alone; its summary for people does not.
    assert PATIENT_ID in said["trail"]
    assert PATIENT_ID not in said["audit export"]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "storage").glob("ledger.sqlite*"))
    assert not [secret for secret in SECRETS if secret.encode() in kept]
    assert not [name for name in os.listdir(tmp_path / "storage") if NAME in name]  # noqa: PTH208 - names only


def trail_of(storage: Path) -> str:
    """Return the trail, with what its follower would have written after some seconds more."""
    with open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}") as ledger:
        later = FakeClock()
        later.now = utc_now() + timedelta(minutes=1)
        trail, changes = Trail(storage), Changes(ledger.engine, later)
        Follower(trail, changes, "MVINODE", later, Patients(storage, changes, trail).of_study).follow()
    text = Trail(storage).path.read_text(encoding="utf-8")
    assert "INSTANCES_TRANSFERRED" in text
    assert "superseding" in text or "supersedes" in text
    return text


def write_useless_model(folder: Path) -> None:
    """Write a model that fits this software and knows nothing."""
    write_bundle(
        folder / "phantom-demo",
        name="phantom-demo",
        version="0.0.1",
        intended_use="tests",
        settings=SMALL,
        tensors=blank_tensors(),
        training={},
    )


def break_registration(folder: Path) -> Path:
    """Write what makes the registration of every process started there end in a bug; the folder for PYTHONPATH."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'itk.elxParameterObjectPython':\n"
        "        raise ValueError('the registration is broken')\n"
        "sys.addaudithook(refuse)\n",
        encoding="utf-8",
    )
    return folder


def canary_in_pid() -> bytes:
    return f"{NAME}^{GIVEN}||{BIRTH_DATE}|F||||{ADDRESS}||{PHONE}".encode()

"""A real scheduler and a real worker, started as deploy/kubernetes starts them."""

import logging
import operator
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from distributed import Client
from distributed.comm.core import CommClosedError

from config.errors import ConfigError
from node.compute.dask_engine import DaskExecutor
from node.compute.dask_model import (
    WORKER_MODEL,
    DamagedModelError,
    HeldModel,
    ModelSender,
    content_sha256,
    with_held_model,
)
from node.compute.executor import WORKER_LOST, WORKER_NONE, Compute, analyse_about
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.errors import QualityGateError, TransientError
from pipeline.model_bundle import ModelBundle, load_bundle
from tests.integration.orthanc import free_port

REPOSITORY = Path(__file__).resolve().parents[4]
BASE = REPOSITORY / "deploy" / "kubernetes" / "base"
PIXELS = 13_000_000
"""Of a study of six sequences: 50 MB as float32."""
PRELOAD = ["--preload", "pipeline.run"]


def refuse(_study: object, _bundle: object) -> Any:
    raise QualityGateError("QG-REG", "Moved.", stage="register")


def die_once(marker: str, answer: str) -> Any:
    """End the worker in the middle of the first attempt, as a lack of memory does."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


def which_model(study: Any, bundle: ModelBundle) -> Any:
    """Tell which model a worker used, and which object of which process it was."""
    logging.getLogger("pipeline.segmentation").warning("SEG-DEVICE: busy")
    return (
        study,
        bundle.identity.sha256,
        (os.getpid(), id(bundle)),
        float(next(iter(bundle.classifier_weights.values())).sum()),
    )


def arguments(manifest: str) -> list[str]:
    (document,) = yaml.safe_load_all((BASE / manifest).read_text(encoding="utf-8"))
    (container,) = document["spec"]["template"]["spec"]["containers"]
    return [*container["command"], *container["args"]]


def start(command: list[str], log: Path, software: Path = REPOSITORY) -> "subprocess.Popen[bytes]":
    program = str(Path(sys.executable).with_name(command[0]))
    # They unpickle what this module defines, and are not pytest, which has the checkout on its path.
    environment = {**os.environ, "PYTHONPATH": str(software)}
    with log.open("wb") as out:
        return subprocess.Popen([program, *command[1:]], stdout=out, stderr=out, env=environment)


@dataclass
class Cluster:
    address: str
    folder: Path
    scheduler: "subprocess.Popen[bytes]"
    worker: "subprocess.Popen[bytes] | None" = None

    def start_worker(self) -> None:
        self.worker = self.another_worker()

    def another_worker(self, software: Path = REPOSITORY) -> "subprocess.Popen[bytes]":
        command = arguments("workers.yaml")
        address = "tcp://mvi-node-scheduler:8786"
        assert address in command
        assert command[command.index("--preload") :][:2] == PRELOAD
        # Loading torch is the time of this test, and nothing of its subject.
        kept = [word for word in command if word not in PRELOAD]
        local = {address: self.address, "/tmp/dask": str(self.folder / "scratch")}
        log = self.folder / f"worker-{len(list(self.folder.iterdir()))}.log"
        return start([local.get(word, word) for word in kept], log, software)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    port = free_port()
    command = [str(port) if word == "8786" else word for word in arguments("scheduler.yaml")]
    scheduler = start([*command, "--host", "127.0.0.1"], tmp_path / "scheduler.log")
    own = Cluster(f"tcp://127.0.0.1:{port}", tmp_path, scheduler)
    own.start_worker()
    try:
        yield own
    finally:
        for process in (own.worker, own.scheduler):
            if process is not None:
                process.kill()
                process.wait(10)


def counted(reduce: Callable[[ModelBundle], Any], calls: list[int]) -> Callable[[ModelBundle], Any]:
    def counting(bundle: ModelBundle) -> Any:
        calls.append(1)
        return reduce(bundle)

    return counting


def changed(bundle: ModelBundle) -> ModelBundle:
    tensors = {file: dict(arrays) for file, arrays in bundle.tensors.items()}
    arrays = next(iter(tensors.values()))
    name = next(iter(arrays))
    arrays[name] = arrays[name] + np.ones((), arrays[name].dtype)
    return replace(bundle, tensors=tensors)


def connected(address: str, patience_s: float = 60.0) -> DaskExecutor:
    until_s = time.monotonic() + patience_s
    while True:
        try:
            return DaskExecutor(address)
        except ConfigError:
            if time.monotonic() > until_s:
                raise


def test_dask_when_a_study_is_sent_then_answers_and_failures_are_those_of_a_process_pool(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long it is waited for a scheduler that is gone.
    monkeypatch.setattr("node.compute.dask_engine.CONNECT_S", 1.0)
    connected(cluster.address).shutdown()
    compute = Compute(lambda: DaskExecutor(cluster.address), operator.mul, workers=1, timeout_s=60.0)
    refusing = Compute(lambda: DaskExecutor(cluster.address), refuse, workers=1, timeout_s=60.0)
    try:
        # Whatever Dask warns of is an error here: the size of a study is no news.
        study: Any = np.ones(PIXELS, np.float32)
        bundle: Any = 3.0
        answer: Any = compute.analyse(study, bundle)
        assert float(answer[-1]) == 3.0
        with pytest.raises(QualityGateError, match="Moved"):
            refusing.analyse(study, bundle)

        # The scheduler dies: each attempt fails at once, and is worth another.
        assert cluster.worker is not None
        cluster.scheduler.kill()
        cluster.scheduler.wait(10)
        with pytest.raises(TransientError) as caught:
            compute.analyse(study, bundle)
        assert caught.value.code == WORKER_LOST
    finally:
        compute.stop()
        refusing.stop()


def test_dask_when_a_worker_dies_in_the_middle_of_a_study_then_the_next_worker_takes_the_study(
    cluster: Cluster, tmp_path: Path
) -> None:
    marker: Any = str(tmp_path / "died")
    answer: Any = "analysed"
    executor = connected(cluster.address)
    try:
        future = executor.submit(die_once, marker, answer)
        until_s = time.monotonic() + 60.0
        while not Path(marker).exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        assert cluster.worker is not None
        # The Deployment starts another one, and so does this.
        cluster.worker.wait(60)
        cluster.start_worker()
        assert future.result(60.0) == answer
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def test_dask_when_a_model_is_sent_then_each_worker_gets_it_once_and_the_next_worker_from_the_scheduler(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    pickled: list[int] = []
    monkeypatch.setattr(ModelBundle, "__reduce__", counted(ModelBundle.__reduce__, pickled))
    executor = connected(cluster.address)
    try:
        function = partial(analyse_about, which_model, "1.2.3")
        first, second = (executor.submit(function, study, bundle).result(60.0) for study in ("one", "two"))
        assert (first[0], second[0]) == ("one", "two")
        assert first[1] == bundle.identity.sha256
        assert first[3] == float(next(iter(bundle.classifier_weights.values())).sum())
        assert first[2] == second[2]
        shown = "".join(log.read_text(encoding="utf-8") for log in cluster.folder.glob("worker-*.log"))
        line = r"^\S+\+00:00 WARNING pipeline\.segmentation SEG-DEVICE: busy study=1\.2\.3$"
        assert len(re.findall(line, shown, re.MULTILINE)) == 2

        # What was registered is what a worker gets that starts later; the node sends nothing again.
        assert cluster.worker is not None
        cluster.worker.kill()
        cluster.worker.wait(10)
        cluster.start_worker()
        third = executor.submit(which_model, "three", bundle).result(60.0)
        assert third[1] == bundle.identity.sha256
        assert third[2][0] == cluster.worker.pid
        assert len(pickled) == 1

        # A worker without the model costs an attempt, as a worker that died.
        with pytest.raises(BrokenExecutor, match="has not got the model"):
            executor.submit(with_held_model, which_model, "four", "mvi-node-model-0", 0.0).result(60.0)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def test_dask_when_a_worker_has_not_the_software_then_the_next_attempt_finds_one_that_has_and_none_is_told(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("node", "pipeline"):
        (tmp_path / "empty" / package).mkdir(parents=True)
        (tmp_path / "empty" / package / "__init__.py").write_text("raise ImportError('not here')", "utf-8")
    connected(cluster.address).shutdown()
    without = cluster.another_worker(tmp_path / "empty")
    compute = Compute(lambda: DaskExecutor(cluster.address), which_model, workers=1, timeout_s=60.0)
    study: Any = "study"
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    try:
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60.0)
        with pytest.raises(TransientError, match="Install the release of the node on every worker") as caught:
            compute.analyse(study, bundle)
        assert caught.value.code == WORKER_MODEL
        answer: Any = compute.analyse(study, bundle)
        assert cluster.worker is not None
        assert answer[2][0] == cluster.worker.pid

        # Neither is there any more, and nobody starts another.
        monkeypatch.setattr("node.compute.dask_engine.DESERTED_AFTER_S", 0.5)
        for process in (without, cluster.worker):
            process.kill()
            process.wait(10)
        with pytest.raises(TransientError, match="has no workers") as caught:
            compute.analyse(study, bundle)
        assert caught.value.code == WORKER_NONE
    finally:
        without.kill()
        compute.stop()


def test_model_when_a_value_changed_on_the_way_then_the_worker_refuses_it() -> None:
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    HeldModel(bundle, content_sha256(bundle)).setup(None)
    with pytest.raises(DamagedModelError, match="arrived damaged"):
        HeldModel(changed(bundle), content_sha256(bundle)).setup(None)


def test_model_when_the_software_of_a_worker_is_another_then_the_study_is_worth_another_attempt() -> None:
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    assert HeldModel(bundle, "").fitting() is bundle
    wider = bundle.settings.classification.model_copy(update={"radiomics_width": 3})
    other = replace(bundle, settings=bundle.settings.model_copy(update={"classification": wider}))
    with pytest.raises(TransientError, match="WORKER-MODEL: The model does not fit"):
        HeldModel(other, "").fitting()


def test_model_when_the_connection_ends_while_it_is_sent_then_the_study_is_worth_another_attempt() -> None:
    class Away:
        def register_plugin(self, _held: HeldModel) -> None:
            raise CommClosedError("TimeoutError: [Errno 110] Connection timed out")

    client: Any = Away()
    with pytest.raises(BrokenExecutor, match="did not take the model"):
        ModelSender(client).name_of(load_bundle(BUNDLED_FOLDER / "phantom-demo"))


def test_dask_when_nobody_answers_then_the_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.compute.dask_engine.CONNECT_S", 0.2)
    with pytest.raises(ConfigError, match="no Dask scheduler answers at tcp://127"):
        DaskExecutor("tcp://127.0.0.1:1")

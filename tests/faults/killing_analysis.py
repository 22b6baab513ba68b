"""`kill -9` in the middle of a real analysis: the study is analysed again, and its PACS gets one result."""

import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dicom_io.phantom_series import make_phantom_study
from node.compute.stage_name import stage_of
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from node.states import Event, StudyState
from pipeline.model_bundle import find_bundle, load_bundle, write_bundle
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.killing import RememberingPacs, not_replaced
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shot_of, unfinished_files
from tests.faults.victim import Toml, Victim, Zygote, wait_for, zygote

MODEL = "phantom-demo"
SEED = 12
COARSE_MM = (3.0, 3.0, 4.0)
"""Working grid: the trained networks find liver and lesions on it in a third of the time."""
FEW_ITERATIONS = "24"
SETTINGS: Toml = {"completion": {"settle_s": 0.5, "deadline_s": 600.0, "check_every_s": 1.0}}
PATIENCE_S = 600.0
LONGEST_INTO_STAGE_S = 0.5
STAGES = ("segment", "radiomics", "register")
OBJECTS = {ObjectKind.SEG, ObjectKind.SR, ObjectKind.SUMMARY}


def kill_during_analysis(folder: Path, cases: int) -> FaultRecord:
    """Kill the node, its main process alone or its worker alone in each stage; a case is a study and one kill."""
    chance = random.Random(25)
    failures: list[str] = []
    stages: Counter[str] = Counter()
    write_coarse_model(folder / "models")
    shots = write_study(folder / "phantom")
    trials = itertools.islice(itertools.cycle(itertools.product(KILLS, STAGES)), cases)
    with zygote() as nodes:
        for number, (kill, stage) in enumerate(trials):
            own = folder / f"trial-{number}"
            found, problems = _trial(nodes, own, folder / "models", shots, kill, stage, chance)
            stages[found] += 1
            failures += [f"trial {number}, {kill.__name__} in {stage}: {problem}" for problem in problems]
    at_kill = ", ".join(f"{number} in {stage}" for stage, number in sorted(stages.items()))
    detail = f"killed {at_kill}; each study was analysed and delivered once, {len(OBJECTS)} objects"
    return record("kill -9 during an analysis", cases, failures, detail)


def write_study(folder: Path) -> list[Shot]:
    """Write a study that is analysed."""
    make_phantom_study(SEED, folder, vendor="ge", scenario="standard")
    return [shot_of(path) for path in sorted((folder / "dicom").rglob("*.dcm"))]


def write_coarse_model(folder: Path) -> None:
    """Write the model that comes with the software, with settings that are quick."""
    bundle = load_bundle(find_bundle(MODEL, [Path("pipeline/models")]))
    registration = bundle.settings.registration
    parameters = {**registration.parameters, "MaximumNumberOfIterations": (FEW_ITERATIONS,)}
    quick = registration.model_copy(update={"parameters": parameters})
    settings = bundle.settings.model_copy(update={"working_spacing_xyz_mm": COARSE_MM, "registration": quick})
    write_bundle(
        folder / MODEL,
        name=MODEL,
        version="0.0.1",
        intended_use="tests",
        settings=settings,
        tensors=bundle.tensors,
        training=bundle.training,
    )


def _trial(
    nodes: Zygote,
    folder: Path,
    models: Path,
    shots: list[Shot],
    kill: "Kill",
    stage: str,
    chance: random.Random,
) -> tuple[str, list[str]]:
    environment = {"MVI_NODE_MODEL__FOLDER": str(models)}
    with RememberingPacs(folder / "pacs") as pacs:
        victim = Victim(nodes, folder / "node", settings=SETTINGS, peers=[pacs.as_peer()], environment=environment)
        with victim:
            with Sending(shots, victim.address) as sending:
                sending.wait(victim.tail)
            wait_for(lambda: worker_in(victim, stage) is not None, f"{stage}\n{victim.tail()}", PATIENCE_S)
            time.sleep(chance.uniform(0, LONGEST_INTO_STAGE_S))
            found = _stage(victim)
            kill(victim)
            if victim.needs_start():
                victim.start()
            with victim.ledger() as ledger:
                problems = one_result(victim, ledger, pacs, shots[0].study_instance_uid)
            problems += lost_or_doubled(victim.storage, shots) + unfinished_files(victim.storage)
    return found, problems


def one_result(victim: Victim, ledger: Ledger, pacs: RememberingPacs, uid: str) -> list[str]:
    """Wait for the end of the study, and compare what the PACS has with what it should."""

    def delivered() -> bool:
        return ledger.studies.get(uid).state in (StudyState.DELIVERED, StudyState.FAILED, StudyState.UNDELIVERED)

    wait_for(delivered, f"the end\n{victim.tail()}", PATIENCE_S)
    study = ledger.studies.get(uid)
    events = [event.event for event in ledger.history(uid)]
    results = ledger.studies.results(uid)
    reports = [result.sop_instance_uid for result in results if result.kind is ObjectKind.SR]
    problems = []
    if study.state is not StudyState.DELIVERED or study.code:
        problems.append(f"it ended {study.state} {study.code or ''}")
    if (events.count(Event.CLAIM.value), events.count(Event.ANALYSED.value)) != (2, 1):
        problems.append(f"its history is {', '.join(events)}")
    if {result.kind for result in results} != OBJECTS or len(results) != len(OBJECTS):
        problems.append(f"the ledger has {len(results)} results")
    if pacs.contents.keys() != {result.sop_instance_uid for result in results}:
        problems.append(f"the PACS got {len(pacs.contents)} objects")
    problems += [f"{name} has {len(was)} contents" for name, was in pacs.contents.items() if len(was) > 1]
    if len(not_replaced(pacs, reports)) != 1:
        problems.append("there is not one report that nothing replaces")
    return problems


def worker_in(victim: Victim, stage: str) -> int | None:
    """Return the process of a node that works at a stage, None where none does."""
    return next((process for process in victim.processes() if stage_of(process) == stage), None)


def _stage(victim: Victim) -> str:
    stages = {stage_of(process) for process in victim.processes()} - {""}
    return "/".join(sorted(stages)) or "no stage"


def everything(victim: Victim) -> None:
    victim.kill_everything()


def main_process(victim: Victim) -> None:
    victim.kill_main()


def worker(victim: Victim) -> None:
    for process in victim.processes():
        if stage_of(process):
            os.kill(process, signal.SIGKILL)


Kill = Callable[[Victim], None]
KILLS: tuple[Kill, ...] = (everything, main_process, worker)

FAULTS = (Fault("kill -9 during an analysis", kill_during_analysis, cases=9, short=1),)

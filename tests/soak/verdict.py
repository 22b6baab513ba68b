"""What a soak must have left: every image once in the inbox, one answer of each study at the PACS."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom import dcmread

from dicom_io.acceptance.report_facts import ReportFacts, read_report
from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from node.states import RESTING, StudyState
from tests.faults.databases import entered_once
from tests.faults.fault import FaultRecord, record
from tests.faults.scanner import lost_or_doubled, unfinished_files
from tests.faults.victim import Victim
from tests.soak.pacs import SoakPacs
from tests.soak.stations import ANY_REFUSAL, SentStudy, Traffic

AT_THE_PACS = frozenset({DeliveryState.STORED, DeliveryState.DELIVERED, DeliveryState.UNCONFIRMED})
SETTLED = AT_THE_PACS | {DeliveryState.SUPERSEDED}


@dataclass
class Verdict:
    """Compares what was sent with what inbox, ledger and PACS hold."""

    traffic: Traffic
    node: Victim
    ledger: Ledger
    pacs: SoakPacs

    def is_answered(self) -> bool:
        """Say whether every study has its result, and the PACS every object of it."""
        states = {study.study_instance_uid: study.state for study in self.ledger.studies.all()}
        expected = {study.uid for study in self.traffic.studies}
        if not all(states.get(uid) in (*RESTING, StudyState.DELIVERING) for uid in expected):
            return False
        return all(item.state in SETTLED for uid in expected for item in self.ledger.outbox.of_study(uid))

    def unanswered(self) -> str:
        """Say in words how many studies are in which state, and how many objects in which."""
        studies = Counter(study.state.value for study in self.ledger.studies.all())
        objects = Counter(
            item.state.value for study in self.traffic.studies for item in self.ledger.outbox.of_study(study.uid)
        )
        return f"studies {dict(studies)}, objects {dict(objects)}"

    def is_confirmed(self) -> bool:
        """Say whether the PACS has confirmed everything."""
        return all(study.state in RESTING for study in self.ledger.studies.all())

    def records(self) -> list[FaultRecord]:
        """Return what was found."""
        return [self.images(), self.answers(), self.objects()]

    def images(self) -> FaultRecord:
        """Say whether every image that was acknowledged is kept, once."""
        shots = [shot for study in self.traffic.studies for shot in study.shots]
        failures = lost_or_doubled(self.node.storage, shots) + unfinished_files(self.node.storage)
        failures += entered_once(self.ledger, shots)
        detail = (
            f"{len(shots)} images acknowledged, each once in the inbox and the ledger; "
            f"{self.traffic.again} sent again on purpose, {self.traffic.probes} connections without an image"
        )
        return record("soak: images kept", len(shots), failures, detail)

    def answers(self) -> FaultRecord:
        """Say whether the PACS has one valid report of each study, and the right one."""
        failures: list[str] = []
        analysed = 0
        for study in self.traffic.studies:
            failures += self._answer(study)
            analysed += not study.code
        confirmed = sum(study.state is StudyState.DELIVERED for study in self.ledger.studies.all())
        known = {study.study_instance_uid for study in self.ledger.studies.all()}
        failures += [f"{uid} was never sent" for uid in known - {study.uid for study in self.traffic.studies}]
        cases = len(self.traffic.studies)
        detail = (
            f"{analysed} analysed, {cases - analysed} refused, one valid report of each at the PACS; "
            f"{confirmed} confirmed by storage commitment so far"
        )
        return record("soak: studies answered", cases, failures, detail)

    def _answer(self, study: SentStudy) -> list[str]:
        documents = [dcmread(path) for path in self.pacs.reports(study.uid)]
        reports = {str(ds.SOPInstanceUID): read_report(ds) for ds in documents}
        valid = _not_replaced(reports)
        if len(valid) != 1:
            return [f"{study.uid} has {len(valid)} valid reports at the PACS"]
        (report,) = valid
        wrong = not report.is_refusal if study.code == ANY_REFUSAL else report.code != study.code
        return [f"{study.uid} was answered {report.code or 'analysed'}, not {study.code or 'analysed'}"] * wrong

    def objects(self) -> FaultRecord:
        """Say whether the PACS has each object once, and no other."""
        failures: list[str] = []
        known: set[str] = set()
        for study in self.traffic.studies:
            known |= {item.sop_instance_uid for item in self.ledger.studies.results(study.uid)}
            failures += [
                f"{item.kind.value} of {study.uid} is entered as stored and not at the PACS"
                for item in self.ledger.outbox.of_study(study.uid)
                if item.state in AT_THE_PACS and item.sop_instance_uid not in self.pacs.kept_objects
            ]
            kinds = {item.kind for item in self.ledger.studies.results(study.uid)}
            if not study.code and ObjectKind.SEG not in kinds:
                failures.append(f"{study.uid} has no segmentation")
        kept = self.pacs.kept_objects
        failures += [f"the PACS has {uid}, the ledger does not" for uid in sorted(kept.keys() - known)]
        failures += [
            f"{uid} has {len(item.contents)} contents" for uid, item in kept.items() if len(item.contents) > 1
        ]
        again = sum(item.times - 1 for item in kept.values())
        detail = f"one content of each; {again} sent again after a fault, with the same UID and bytes"
        return record("soak: objects at the PACS", len(kept), failures, detail)


def _not_replaced(reports: Mapping[str, ReportFacts]) -> list[ReportFacts]:
    """Return the reports that no other names as its predecessor (PS3.3 C.17.2)."""
    replaced = {uid for report in reports.values() for uid in report.replaces}
    return [report for uid, report in reports.items() if uid not in replaced]

"""Prometheus metrics: what the ledger and the disk say at the time of the scrape, and what this process has done.

Labels are states, codes and names of the configuration; never a UID, which would make a series of its own, and
never anything that a peer wrote.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from node.analysis.failure import BUG
from node.analysis.finished_study import FinishedStudy, Job
from node.ledger.ledger import Ledger
from node.ledger.records import Claim
from pipeline.errors import StudyError

STAGE_BUCKETS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class LedgerCollector(Collector):
    """Reads ledger and disk when Prometheus asks, so that a restart forgets nothing.

    Parameters
    ----------
    storage
        Folder of the inbox.
    """

    def __init__(self, ledger: Ledger, storage: Path) -> None:
        self._ledger = ledger
        self._storage = storage

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment; without the ledger, only that it is away and how full the disk is."""
        free = GaugeMetricFamily("mvi_storage_free_bytes", "Free space where the inbox lies.")
        with suppress(OSError):  # Without a sample an alert on absence fires; /readyz says what is wrong.
            free.add_metric([], shutil.disk_usage(self._storage).free)
        yield free
        try:
            metrics = list(self._from_ledger())
        except SQLAlchemyError:
            metrics = []
        up = GaugeMetricFamily("mvi_ledger_up", "Whether the ledger answers.", value=float(bool(metrics)))
        yield from (up, *metrics)

    def _from_ledger(self) -> Iterator[Metric]:
        studies = GaugeMetricFamily("mvi_studies", "Studies by state.", labels=["state"])
        for state, number in self._ledger.studies.count().items():
            studies.add_metric([state.value], number)
        yield studies
        deliveries = GaugeMetricFamily(
            "mvi_deliveries", "Result objects by peer and state.", labels=["peer", "state"]
        )
        for (peer, delivery_state), number in self._ledger.outbox.count().items():
            deliveries.add_metric([peer, delivery_state.value], number)
        yield deliveries
        notices = GaugeMetricFamily("mvi_notices", "Events that people are told of, by kind.", labels=["kind"])
        for kind, number in self._ledger.notices.count().items():
            notices.add_metric([kind], number)
        yield notices
        unsent = GaugeMetricFamily("mvi_notices_unsent", "Notices that could not be sent.", labels=["channel"])
        for channel, (number, _) in self._ledger.notices.waiting().items():
            unsent.add_metric([channel], number)
        yield unsent
        yield GaugeMetricFamily(
            "mvi_instances_entered",
            "Instances entered into the ledger since it was made; a purge does not lower it.",
            value=self._ledger.studies.instances_entered(),
        )
        waiting_s = self._ledger.studies.longest_wait_s(self._ledger.clock())
        yield GaugeMetricFamily(
            "mvi_longest_wait_seconds", "How long a study has waited for a worker.", value=waiting_s
        )


class CountsCollector(Collector):
    """Reads counts that another part of the node keeps.

    Parameters
    ----------
    name, text, label
        Of the counter.
    read
        Gives the counts by value of the label.
    """

    def __init__(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._name, self._text, self._label = name, text, label
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the counter."""
        counter = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for value, number in self._read().items():
            counter.add_metric([value], number)
        yield counter


class PairsCollector(Collector):
    """Reads counts by two labels that another part of the node keeps.

    Parameters
    ----------
    name, text, labels
        Of the counter.
    read
        Gives the counts by values of the labels.
    """

    def __init__(
        self, name: str, text: str, labels: tuple[str, str], read: Callable[[], Mapping[tuple[str, str], int]]
    ) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the counter."""
        counter = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, number in self._read().items():
            counter.add_metric(values, number)
        yield counter


class Metrics:
    """The registry of one node.

    Parameters
    ----------
    ledger, storage
        As in `LedgerCollector`.
    """

    def __init__(self, ledger: Ledger, storage: Path) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(LedgerCollector(ledger, storage))
        self._stages = Histogram(
            "mvi_stage_seconds",
            "Time of each stage of an analysis.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._results = Counter(
            "mvi_results", "Attempts at a study by outcome and code.", ["outcome", "code"], registry=self.registry
        )

    def count_refusals(
        self,
        associations: Callable[[], Mapping[str, int]],
        instances: Callable[[], Mapping[str, int]],
        ends: Callable[[], Mapping[str, int]],
    ) -> None:
        """Show what the receiver refused, by reason, and the `ends` of associations, by how they ended."""
        text = (
            "Associations that were accepted and have ended; aborted: by either side, or the connection was lost."
        )
        self.registry.register(CountsCollector("mvi_associations_ended", text, "how", ends))
        text = "Associations that were rejected, by reason."
        self.registry.register(CountsCollector("mvi_associations_rejected", text, "reason", associations))
        text = "Instances that were not taken, by reason; the sender was told and keeps them."
        self.registry.register(CountsCollector("mvi_instances_refused", text, "reason", instances))

    def count_messages(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Show the answers of the HL7 listener, as `read` gives them."""
        text = "HL7 messages by answer; none: it holds nothing that an answer needs; dropped: no whole block."
        self.registry.register(CountsCollector("mvi_hl7_messages", text, "answer", read))

    def count_messages_to_people(self, read: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        """Show how many messages to people were sent and failed, as `read` gives it by channel and outcome."""
        text = "Messages to people by channel and outcome."
        self.registry.register(PairsCollector("mvi_notifications", text, ("channel", "outcome"), read))

    def count_results(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Show what became of single HL7 results, as `read` gives it."""
        text = "HL7 results by fate; unmatched: the correction or withdrawal of a result that is not known."
        self.registry.register(CountsCollector("mvi_hl7_results", text, "fate", read))

    def count_pulls(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Show how the FHIR server answered, as `read` gives it."""
        text = "Questions to the FHIR server by outcome."
        self.registry.register(CountsCollector("mvi_fhir_pulls", text, "outcome", read))

    def count_purges(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Show how many studies lost their images or results by rule, as `read` gives it."""
        text = "Studies whose images or results were deleted by rule; images-early: since space was short."
        self.registry.register(CountsCollector("mvi_purged_studies", text, "what", read))

    def observed(self, job: Job) -> Job:
        """Return `job`, with its outcome and its stages counted."""

        def run(claim: Claim) -> FinishedStudy:
            began_s = time.monotonic()
            try:
                finished = job(claim)
            except Exception as error:
                self._results.labels("failed", error.code if isinstance(error, StudyError) else BUG).inc()
                raise
            self._results.labels("refused" if finished.code else "analysed", finished.code or "").inc()
            for stage, seconds in finished.timing_s.items():
                self._stages.labels(stage).observe(seconds)
            self._stages.labels("whole").observe(time.monotonic() - began_s)
            return finished

        return run

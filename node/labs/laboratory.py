"""The laboratory of a running node: its listener, the server that is asked, and the results that they change."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from config.analytes import AnalyteRules
from config.settings import Settings
from node.backoff import back_off
from node.labs.fhir_client import make_client
from node.labs.fhir_pull import CORRECTIONS_EVERY_S, FhirPull
from node.labs.listener import ListenerProcess, is_wanted
from node.labs.reissue import Reissue
from node.labs.study_labs import StudyLabs
from node.ledger.ledger import Ledger
from node.scheduler import Scheduler
from node.storage.folder import ledger_url
from node.watch.health import Check, running_check
from node.watch.metrics import Metrics

WATCH_EVERY_S = 1.0
REISSUE_EVERY_S = 5.0


class Laboratory:
    """Listens, once it is started, and asks, as the settings say.

    Parameters
    ----------
    analytes
        Rules of the clinical values, in force.
    asked_to_stop
        Whether the node is to stop; looked at while the listener starts.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, analytes: AnalyteRules, asked_to_stop: Callable[[], bool]
    ) -> None:
        labs, client = settings.labs, make_client(settings.labs)
        self._settings = settings
        self._pull = None if client is None else FhirPull(client, ledger, analytes, labs.issuer)
        fetch = {} if self._pull is None else {"fetch": self._pull.fetch}
        self.of_studies = StudyLabs(ledger, analytes.window, labs.issuer, **fetch)
        """The values that an analysis takes."""
        self._reissue = Reissue(
            ledger, analytes.window, wait_h=labs.labs_wait_h, settle_s=settings.completion.settle_s
        )
        self._listener: ListenerProcess | None = None
        if is_wanted(labs):
            self._listener = ListenerProcess(
                settings, ledger_url(settings), back_off(1, 30), time.monotonic, asked_to_stop=asked_to_stop
            )

    def start(self) -> None:
        """Start the listener, where one is wanted.

        Raises
        ------
        ReceptionError
            It does not listen; `stop` is still to be called.
        """
        if self._listener is not None:
            self._listener.start()

    def stop(self) -> None:
        """End the listener."""
        if self._listener is not None:
            self._listener.stop()

    def attend(self, scheduler: Scheduler, metrics: Metrics) -> None:
        """Let `scheduler` watch the listener, ask the server and look for results to replace; count all of it."""
        scheduler.every(REISSUE_EVERY_S, "labs", self._reissue.check)
        if self._listener is not None:
            metrics.count_messages(self._listener.answers)
            metrics.count_results(self._listener.fates)
            scheduler.every(WATCH_EVERY_S, "hl7-listener", self._listener.watch)
        if self._pull is not None:
            labs = self._settings.labs
            metrics.count_pulls(self._pull.outcomes)
            scheduler.every(labs.fhir_every_s, "fhir", partial(self._pull.fetch_late, labs.labs_wait_h))
            corrections = partial(self._pull.fetch_used, labs.fhir_corrections_days)
            scheduler.every(CORRECTIONS_EVERY_S, "fhir-used", corrections)

    def checks(self) -> Mapping[str, Check]:
        """Return what health looks at, by name: the listener, where one is wanted."""
        listener = self._listener
        return {} if listener is None else {"hl7": running_check(listener.name, listener.is_running)}

"""The composition root: the only place that builds things from Settings."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from config.analytes import analytes_in_force
from config.errors import NodeError
from config.sections.peers import Peer
from config.series_rules import rules_in_force
from config.settings import Settings
from node.analysis.study_job import StudyJob
from node.analysis.tools import make_tools, read_progress
from node.analysis.workers import Workers
from node.audit.recorder import Recorder
from node.backoff import back_off
from node.completion import Completion
from node.compute.executor import make_compute
from node.delivery.couriers import make_courier
from node.labs.fhir_client import make_client
from node.labs.laboratory import Laboratory
from node.labs.tls import server_context
from node.ledger.ledger import Ledger, open_ledger, utc_now
from node.memory import keep_small
from node.models.choice import load_active_bundle
from node.notify.notifier import make_channels, make_notifier
from node.owner import is_gone
from node.reception.process import ReceptionError, ReceptionProcess, receive
from node.reception.refusal_counts import RefusalCounts
from node.reception.start_report import Ports
from node.scheduler import Scheduler
from node.storage.folder import ledger_url, prepare_storage, sole_node
from node.storage.reserve import make_reserve
from node.storage.results_folder import sweep_attempts
from node.storage.retention import Retention, low_disk_bytes
from node.tls import demand_usable_certificates
from node.watch.health import Health, ledger_check, peers_check, running_check, storage_check
from node.watch.metrics import Metrics
from node.watch.service import WatchService

logger = logging.getLogger(__name__)

DELIVER_EVERY_S = 1.0
HOUSEKEEPING_EVERY_S = 5.0
WATCH_EVERY_S = 1.0
AUDIT_EVERY_S = 10.0
LOOK_FOR_STOP_EVERY_S = 0.1


class Node:
    """The service.

    Parameters
    ----------
    settings
        In force; checked.

    Raises
    ------
    ConfigError
        The rules of matching or of laboratory values, the certificates, or the token, that the settings name are
        wrong.
    """

    def __init__(self, settings: Settings) -> None:
        demand_usable_certificates(settings)
        self._rules = rules_in_force(settings.matching)
        self._analytes = analytes_in_force(settings.labs.analytes)
        if settings.labs.tls_port:
            server_context(settings.labs)
        make_client(settings.labs)
        make_channels(settings)
        os.umask(0o077)
        keep_small()
        storage = prepare_storage(settings.node.storage)
        make_reserve(storage)
        section = settings.node.model_copy(update={"storage": storage})
        self._settings = settings.model_copy(update={"node": section})
        self._storage = storage
        self._asked_to_stop = False
        self._failure: NodeError | None = None

    def stop(self) -> None:
        """End `run` soon; may be called from a signal handler."""
        # A plain flag: setting an event in a handler waits for a lock that the interrupted thread may hold.
        self._asked_to_stop = True

    def run(self, on_ready: Callable[[str, Ports], None]) -> None:
        """Serve until `stop`.

        Parameters
        ----------
        on_ready
            Told the AE title and the ports once associations are accepted.

        Raises
        ------
        NodeError
            The node cannot start, or its receiver died for good.
        """
        settings = self._settings
        with ExitStack() as stack:
            stack.enter_context(sole_node(settings))
            ledger = stack.enter_context(open_ledger(ledger_url(settings)))
            ledger.recovery.recover(is_gone)
            sweep_attempts(self._storage)
            refusals = RefusalCounts()
            reception = ReceptionProcess(
                settings,
                ledger_url(settings),
                back_off(1, 30),
                time.monotonic,
                partial(receive, refusals),
                asked_to_stop=lambda: self._asked_to_stop,
            )
            stack.callback(reception.stop)
            # What arrives is kept whatever the model is, and a scanner does not wait: the receiver comes first,
            # the model is loaded meanwhile, and the workers, which load the most, come last.
            listening = reception.launch()
            bundle = load_active_bundle(settings)
            try:
                ports = listening()
            except ReceptionError:
                if self._asked_to_stop:
                    return
                raise
            laboratory = Laboratory(settings, ledger, self._analytes, lambda: self._asked_to_stop)
            stack.callback(laboratory.stop)
            laboratory.start()
            compute = make_compute(settings.compute, self._analytes)
            stack.callback(compute.stop)
            metrics = Metrics(ledger, self._storage)
            metrics.count_refusals(refusals.associations, refusals.instances, refusals.ends)
            tools = make_tools(bundle, compute.analyse, self._rules, self._analytes)
            job = StudyJob(ledger, self._storage, tools, laboratory.of_studies)
            workers = Workers(settings, ledger, metrics.observed(job), compute.abandon)
            health = self._health(ledger, reception, laboratory, workers)
            if settings.watch.port:
                watch = settings.watch
                stack.enter_context(WatchService(watch.host, watch.port, metrics.registry, health))
            scheduler = self._schedule(ledger, reception)
            self._retain(scheduler, metrics, ledger)
            scheduler.every(HOUSEKEEPING_EVERY_S, "pulse", health.pulse)
            recorder = Recorder(settings, ledger, utc_now)
            recorder.started()
            stack.callback(recorder.stopped)
            scheduler.every(AUDIT_EVERY_S, "audit", recorder.tick)
            laboratory.attend(scheduler, metrics)
            self._notify(scheduler, metrics, ledger)
            stack.enter_context(scheduler)
            on_ready(settings.node.ae_title, ports)
            while not self._asked_to_stop:
                time.sleep(LOOK_FOR_STOP_EVERY_S)
            workers.ask_to_stop()
            # Ended before they are waited for: a worker waits for its process, and gives its study back.
            compute.stop()
            workers.join()
        if self._failure is not None:
            raise self._failure

    def _retain(self, scheduler: Scheduler, metrics: Metrics, ledger: Ledger) -> None:
        retention = Retention(ledger, self._storage, self._settings)
        scheduler.every(self._settings.retention.check_every_s, "retention", retention.check)
        metrics.count_purges(retention.counts)

    def _notify(self, scheduler: Scheduler, metrics: Metrics, ledger: Ledger) -> None:
        notifier = make_notifier(self._settings, ledger, back_off)
        if notifier is not None:
            metrics.count_messages_to_people(notifier.counts)
            scheduler.every(self._settings.notify.check_every_s, "notify", notifier.check)

    def _health(
        self,
        ledger: Ledger,
        reception: ReceptionProcess,
        laboratory: Laboratory,
        workers: Workers,
    ) -> Health:
        checks = {
            "storage": storage_check(
                self._storage, self._settings.node.minimum_free_bytes, low_disk_bytes(self._settings)
            ),
            "ledger": ledger_check(ledger),
            "reception": running_check("the receiver", reception.is_running),
            "workers": running_check("every worker", workers.are_alive),
            "peers": peers_check(ledger, [peer.name for peer in self._settings.peers if peer.receives]),
        }
        return Health({**checks, **laboratory.checks()}, time.monotonic)

    def _schedule(self, ledger: Ledger, reception: ReceptionProcess) -> Scheduler:
        settings = self._settings
        progress_of = partial(read_progress, rules=self._rules)
        completion = Completion(ledger, self._storage, progress_of, settings.completion, time.monotonic)
        scheduler = Scheduler()
        scheduler.every(settings.completion.check_every_s, "completion", completion.check)
        scheduler.every(HOUSEKEEPING_EVERY_S, "wake", ledger.recovery.wake)
        scheduler.every(HOUSEKEEPING_EVERY_S, "recover", ledger.recovery.recover)
        scheduler.every(WATCH_EVERY_S, "reception", lambda: self._watch(reception))
        for peer in self._receivers():
            courier = make_courier(peer, settings, ledger)
            # One ticker a peer: a slow one keeps no other waiting.
            scheduler.every(DELIVER_EVERY_S, f"deliver-{peer.name}", courier.deliver)
        return scheduler

    def _receivers(self) -> list[Peer]:
        return [peer for peer in self._settings.peers if peer.receives]

    def _watch(self, reception: ReceptionProcess) -> None:
        try:
            reception.watch()
        except ReceptionError as error:
            # Nothing can arrive any more: end, so that whoever supervises the node sees it.
            self._failure = error
            self.stop()

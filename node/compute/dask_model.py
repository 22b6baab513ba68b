"""The model on the workers of a Dask cluster: sent once and known by its checksum."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from typing import Any, Final

from distributed import Client, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from config.errors import NodeError
from node.logging import configure_logging
from pipeline.bundle_fit import require_fit
from pipeline.errors import ModelMisfitError, TransientError
from pipeline.model_bundle import ModelBundle

logger = logging.getLogger(__name__)

PREFIX: Final = "mvi-node-model-"
"""Of the name by which scheduler and workers know a model; its checksum follows."""
ARRIVES_WITHIN_S: Final = 60.0
"""How long a worker waits for a model that is on its way, s."""
WORKER_MODEL: Final = "WORKER-MODEL"
"""Code of an attempt on a worker that has not the software of the model: none at all, or another release."""
_LOOK_EVERY_S: Final = 0.02


class DamagedModelError(NodeError):
    """A model arrived with another checksum than it was sent with."""


class HeldModel(WorkerPlugin):
    """A model in the memory of a worker; nothing of it is written to a disk there.

    The scheduler keeps it as bytes and gives it to every worker, also to those that come later: a worker that
    starts again asks the node for nothing.

    Parameters
    ----------
    sha256
        Of the content of `bundle`, as it was sent.
    """

    idempotent = True
    """A name that the scheduler knows is not sent to its workers a second time."""

    def __init__(self, bundle: ModelBundle, sha256: str) -> None:
        self.name = PREFIX + sha256
        self.bundle = bundle
        self._sha256 = sha256
        self._fits = False

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - of the interface
        """Check what arrived.

        Raises
        ------
        DamagedModelError
            It is not what was sent.
        """
        if not logging.getLogger().handlers:
            # Dask shows its own lines; without this those of the pipeline come bare, or not at all.
            configure_logging()
        if content_sha256(self.bundle) != self._sha256:
            raise DamagedModelError(f"the model {self._sha256} arrived damaged; start the worker again")

    def fitting(self) -> ModelBundle:
        """Return the model, which fits the software of this worker; looked at once.

        Raises
        ------
        TransientError
            ``WORKER-MODEL``: it does not.
        """
        if not self._fits:
            try:
                require_fit(self.bundle)
            except ModelMisfitError as error:
                raise TransientError(
                    WORKER_MODEL,
                    "The model does not fit the software of a Dask worker.",
                    remedy="Install the release of the node on every worker.",
                    stage="analyse",
                ) from error
            self._fits = True
        return self.bundle


class ModelSender:
    """Gives the workers of a cluster the models of this node.

    Parameters
    ----------
    client
        Of the cluster.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._sent: tuple[ModelBundle, str] | None = None

    def name_of(self, bundle: ModelBundle) -> str:
        """Return the name of `bundle` on the workers; they have it, or get it in a moment.

        Raises
        ------
        BrokenExecutor
            The connection ended before the scheduler had it.
        TransientError
            ``WORKER-MODEL``: a worker could not take it. That worker ends with the next task that it is given, and
            others of its kind do not start, so that another attempt finds the workers that could.
        """
        with self._lock:
            if self._sent is None or self._sent[0] is not bundle:
                held = HeldModel(bundle, content_sha256(bundle))
                try:
                    self._client.register_plugin(held)
                except OSError as error:
                    raise BrokenExecutor("the Dask scheduler did not take the model") from error
                except Exception as error:  # Whatever the worker's own libraries raised; often as words alone.
                    logger.warning("compute: a Dask worker cannot take the model: %s", error)
                    raise TransientError(
                        WORKER_MODEL,
                        "A Dask worker could not load the model.",
                        remedy="Install the release of the node on every worker.",
                        stage="analyse",
                    ) from error
                self._sent = bundle, held.name
            return self._sent[1]


def content_sha256(bundle: ModelBundle) -> str:
    """Return a checksum over everything in a bundle, 64 hexadecimal digits."""
    words = [asdict(bundle.identity), bundle.settings.model_dump(mode="json"), dict(bundle.training)]
    digest = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
    for file, tensors in sorted(bundle.tensors.items()):
        for name, array in sorted(tensors.items()):
            digest.update(f"{file} {name} {array.dtype} {array.shape} ".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def with_held_model(
    fn: Callable[[Any, Any], Any], study: Any, name: str, patience_s: float = ARRIVES_WITHIN_S
) -> Any:
    """Call `fn` with a study and the model that this worker holds; runs on a worker.

    Raises
    ------
    BrokenExecutor
        The worker has no such model, and gets none: a new connection sends it.
    TransientError
        ``WORKER-MODEL``: it fits the software of the node and not that of this worker.
    """
    # Another connection may be sending it at this moment: the scheduler says then that it is known already.
    until_s = time.monotonic() + patience_s
    while not isinstance(held := get_worker().plugins.get(name), HeldModel):
        if time.monotonic() >= until_s:
            raise BrokenExecutor("the Dask worker has not got the model")
        time.sleep(_LOOK_EVERY_S)
    return fn(study, held.fitting())

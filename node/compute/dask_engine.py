"""A Dask cluster as an executor: its failures are those of a process pool, and it can be left."""

import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from config.errors import ConfigError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10.0
"""How long a scheduler may take to answer, s."""
STUDY_BYTES = "1GB"
"""Dask warns of tasks larger than 10 MB, and a study of full size has 92."""
COUNT_EVERY_S: Final = 5.0
"""How often a cluster that has not answered yet is asked for its workers, s."""
DESERTED_AFTER_S: Final = 60.0
"""How long a cluster may have no worker, s: as long as a worker takes to start again where it died."""


class DaskExecutor(Executor):
    """Runs what it is given on the workers of a Dask scheduler.

    A worker that dies is a `BrokenExecutor`, as in a process pool; a scheduler that is gone as well. The model
    bundle behind a study goes to each worker once.

    Parameters
    ----------
    scheduler
        Its address, ``tcp://host:port``.

    Raises
    ------
    ConfigError
        Dask is not installed, or no scheduler answers there.
    """

    def __init__(self, scheduler: str) -> None:
        self._client = _client(scheduler)
        from node.compute.dask_model import ModelSender  # noqa: PLC0415 - needs Dask

        self._pool: Executor = self._client.get_executor(pure=False)
        self._models = ModelSender(self._client)
        self._counted_s = self._peopled_s = time.monotonic()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Send `fn` to a worker.

        Raises
        ------
        BrokenExecutor
            The scheduler is gone.
        """
        import dask  # noqa: PLC0415 - optional

        if self._client.status != "running":
            raise BrokenExecutor("the Dask scheduler is gone")
        fn, args = self._lightened(fn, args)
        self._counted_s = self._peopled_s = time.monotonic()
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": STUDY_BYTES}):
            sent = self._pool.submit(fn, *args, **kwargs)
        given: Future[Any] = Future()
        sent.add_done_callback(lambda ended: _pass_on(ended, given))
        return given

    def _lightened(
        self, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return the call with the name of the model in place of a model behind a study."""
        from node.compute.dask_model import with_held_model  # noqa: PLC0415 - needs Dask
        from pipeline.model_bundle import ModelBundle  # noqa: PLC0415 - numpy

        match args:
            case (study, ModelBundle() as bundle):
                return with_held_model, (fn, study, self._models.name_of(bundle))
        return fn, args

    def deserted(self) -> bool:
        """Return whether the cluster has had no worker for `DESERTED_AFTER_S` while it should have worked."""
        now_s = time.monotonic()
        if now_s - self._counted_s >= min(COUNT_EVERY_S, DESERTED_AFTER_S):
            self._counted_s = now_s
            # A scheduler that does not answer is a matter of the connection, and ends the attempt by itself.
            with suppress(OSError, TimeoutError):
                scheduler = self._client.scheduler
                if scheduler is None or self._client.sync(
                    scheduler.ncores, workers=None, callback_timeout=CONNECT_S
                ):
                    self._peopled_s = now_s
        return now_s - self._peopled_s > DESERTED_AFTER_S

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; what it still runs for us is given up where `cancel_futures` is set."""
        from distributed.client import ClosedClientError  # noqa: PLC0415 - optional

        # A scheduler that is gone has closed the client already.
        with suppress(ClosedClientError):
            self._pool.shutdown(wait=wait and not cancel_futures)
        self._client.close(timeout=CONNECT_S if wait else 1.0)


def count_workers(scheduler: str) -> int:
    """Return how many workers a scheduler has.

    Raises
    ------
    ConfigError
        Dask is not installed, or no scheduler answers there.
    """
    with _client(scheduler) as client:
        return len(client.nthreads())


def _client(scheduler: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError(['compute.engine: "dask" needs `pip install "mvi-node[dask]"`']) from error
    try:
        return Client(scheduler, set_as_default=False, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError([f"compute.scheduler: no Dask scheduler answers at {scheduler}"]) from error


def _pass_on(ended: "Future[Any]", given: "Future[Any]") -> None:
    from distributed import KilledWorker  # noqa: PLC0415 - optional

    try:
        given.set_result(ended.result())
    except KilledWorker:
        given.set_exception(BrokenExecutor("the Dask worker died"))
    except CancelledError:
        given.set_exception(BrokenExecutor("the Dask scheduler is gone"))
    except BaseException as error:  # Whatever the task raised is its caller's.
        given.set_exception(error)

import multiprocessing
import os

from node.owner import is_gone, worker_name


def test_worker_name_when_asked_twice_then_differs_by_number_only() -> None:
    assert worker_name(1) == worker_name(1)
    assert worker_name(1) != worker_name(2)


def test_is_gone_when_the_process_runs_then_is_false() -> None:
    assert not is_gone(worker_name(0))


def test_is_gone_when_the_process_ended_then_is_true() -> None:
    host, _, started, number = worker_name(0).split("/")
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    ended = str(process.pid)
    process.join()
    process.close()
    assert is_gone("/".join((host, ended, started, number)))


def test_is_gone_when_the_process_number_is_used_again_then_is_true() -> None:
    host, own, started, number = worker_name(0).split("/")
    assert is_gone("/".join((host, own, f"{started}0", number)))


def test_is_gone_when_the_worker_is_of_another_host_then_its_lease_decides() -> None:
    _, own, started, number = worker_name(0).split("/")
    assert not is_gone("/".join(("elsewhere", own, started, number)))


def test_is_gone_when_the_name_is_no_name_then_its_lease_decides() -> None:
    assert not is_gone("worker")

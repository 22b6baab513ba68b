import os
import threading

from node.compute.stage_name import show_stage, stage_of


def test_stage_when_it_is_shown_then_another_process_can_read_it() -> None:
    found = []

    def work() -> None:
        show_stage("radiomics")
        found.append(stage_of(threading.get_native_id()))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert found == ["radiomics"]


def test_stage_when_none_is_shown_or_the_process_is_gone_then_is_empty() -> None:
    assert stage_of(os.getpid()) == ""
    assert stage_of(2**22 + 1) == ""

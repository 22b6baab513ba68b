import gc
import platform
import subprocess
import sys
import weakref

import pytest

from node.memory import give_back, giving_back, settle
from tests.unit.node.doubles import Page

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such knobs")

KEPT_MB = """
import ctypes, os, sys, threading
from node.memory import give_back, keep_small

def resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
size, lasting = int(sys.argv[2]), 200

def taken(size):
    block = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    return block

def study():
    # A first array teaches glibc that arrays of that size are freed, so that it keeps the next on a heap.
    libc.free(taken(16_000_000))
    arrays = []
    for _ in range(80_000_000 // size):
        arrays.append(taken(size))
        taken(lasting)  # A small object that lives on.
    for array in arrays:
        libc.free(array)

if "small" in sys.argv[1]:
    keep_small()
before = resident()
thread = threading.Thread(target=study)
thread.start()
thread.join()
if "back" in sys.argv[1]:
    give_back()
print((resident() - before) // 1_000_000)
"""


def kept_mb(how: str, array_bytes: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KEPT_MB, how, str(array_bytes)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@needs_glibc
def test_keep_small_when_small_objects_outlive_arrays_then_the_arrays_go_back_all_the_same() -> None:
    assert kept_mb("", 1_000_000) > 60
    assert kept_mb("small", 1_000_000) < 10


@needs_glibc
def test_give_back_when_small_objects_outlive_small_arrays_then_their_pages_go_back() -> None:
    assert kept_mb("small", 100_000) > 60
    assert kept_mb("small back", 100_000) < 20


@pytest.mark.usefixtures("seldom_collected")
def test_giving_back_when_the_job_leaves_what_refers_to_itself_then_it_is_gone() -> None:
    left: list[weakref.ref[Page]] = []

    def job(number: int) -> int:
        left.append(weakref.ref(Page()))
        return number

    job(0)
    assert left[0]() is not None
    assert giving_back(job)(7) == 7
    assert [page() for page in left] == [None, None]


@pytest.mark.usefixtures("seldom_collected")
def test_giving_back_when_the_job_fails_then_gives_back_and_raises() -> None:
    left: list[weakref.ref[Page]] = []

    def job(_number: int) -> None:
        left.append(weakref.ref(Page()))
        raise ValueError("no such study")

    with pytest.raises(ValueError, match="no such study"):
        giving_back(job)(1)
    assert left[0]() is None


@pytest.mark.usefixtures("seldom_collected")
def test_settle_when_much_is_there_then_later_collections_do_not_look_at_it() -> None:
    there = [[number] for number in range(1000)]
    settle()
    assert gc.get_freeze_count() > len(there)
    later = Page()
    left = weakref.ref(later)
    del later
    give_back()
    assert left() is None

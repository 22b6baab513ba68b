import signal
import subprocess
import sys

from node.interrupts import unheard_by_children

# Whoever runs the tests in the background has the signal ignored; the mask is another matter.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
print("up", flush=True)
sys.stdin.read(1)
"""


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _interrupted(process: "subprocess.Popen[bytes]") -> int:
    """Interrupt it once it is up, let it end, and return its exit status."""
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        process.communicate(b"x", timeout=30)
        return process.returncode


def test_child_when_started_in_the_block_then_does_not_hear_an_interrupt() -> None:
    with unheard_by_children():
        process = _started()
    assert _interrupted(process) == 0


def test_child_when_started_outside_then_is_ended_by_an_interrupt() -> None:
    assert _interrupted(_started()) != 0

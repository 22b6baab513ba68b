"""Start nodes quickly: one process that has imported the node forks a copy of itself for each of them.

A node takes seconds to import what it needs, and a hundred trials would take that a hundred times. The copy runs
`python -m node` as it is, in a session of its own; its receiver and its workers are new processes as ever.
Reads one JSON line for each node, ``{"arguments": [...], "log": "...", "environment": {...}}``, and answers with
the process number. With ``"haste": {...}`` the leases of that node are short.
"""

import json
import os
import runpy
import signal
import sys
from typing import Any


def main() -> None:
    """Serve until standard input ends."""
    import node.app  # noqa: PLC0415 - a spawned child imports this module and needs none of it
    import node.cli  # noqa: F401, PLC0415
    import pipeline.model_bundle  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if process == 0:
            _become_node(order)
        sys.stdout.write(f"{process}\n")
        sys.stdout.flush()


def _become_node(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.update(order["environment"])
    if "haste" in order:
        from tests.faults.short_leases import shorten  # noqa: PLC0415 - of this node alone

        shorten(**order["haste"])
    sys.argv = ["mvi-node", *order["arguments"]]
    runpy.run_module("node", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""`mvi-node serve`: the service."""

import os
import signal
import sys
from types import FrameType

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import print_json, verb


@verb
def serve(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Receive, analyse and deliver until it is told to stop (SIGTERM, Ctrl-C)."""
    from node.app import Node  # noqa: PLC0415 - `--help` needs no service
    from node.logging import configure_logging  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    configure_logging()
    node = Node(settings)

    def stop(_number: int, _frame: FrameType | None) -> None:
        node.stop()

    def announce(ae_title: str, port: int) -> None:
        sys.stderr.write(f"ready ae_title={ae_title} port={port}\n")
        sys.stderr.flush()
        if as_json:
            print_json({"ready": True, "ae_title": ae_title, "port": port})
            sys.stdout.flush()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    node.run(announce)

"""`mvi-node serve`: the service."""

import logging
import os
import signal
import sys
from types import FrameType

from config.errors import NodeError
from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ended_by, print_json, verb
from node.diagnosis.listening import shut_out
from node.reception.start_report import Ports


@verb
def serve(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Receive, analyse and deliver until it is told to stop (SIGTERM, Ctrl-C)."""
    from node.app import Node  # noqa: PLC0415 - `--help` needs no service
    from node.logging import configure_logging  # noqa: PLC0415
    from node.memory import settle  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    configure_logging()
    outside = shut_out(settings)
    if outside:
        logging.getLogger(__name__).warning("%s", outside)
    node = Node(settings)
    announced: list[int | None] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        node.stop()

    def announce(ae_title: str, ports: Ports) -> None:
        port = ports.tls if ports.plain is None else ports.plain
        settle()
        over_tls = "" if ports.tls is None else f" tls_port={ports.tls}"
        sys.stderr.write(f"ready ae_title={ae_title} port={port}{over_tls}\n")
        sys.stderr.flush()
        announced.append(port)
        if as_json:
            print_json({"ready": True, "ae_title": ae_title, "port": port, "tls_port": ports.tls})
            sys.stdout.flush()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        node.run(announce)
    except NodeError as error:
        # Its one document may be out: that it was ready once.
        raise ended_by(error, as_json=as_json and not announced) from error

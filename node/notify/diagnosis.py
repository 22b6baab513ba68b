"""Whether people could be told right now, and what they could not be told of; or a test message."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from config.settings import Settings
from node.diagnosis.finding import Finding, Verdict
from node.ledger.ledger import open_ledger
from node.ledger.notices import Notice
from node.notify.channel import Channel
from node.notify.notifier import make_channels, tell
from node.storage.folder import existing_ledger_url

TEST = "test"
"""Kind of a notice that is about nothing."""


def diagnose_channels(settings: Settings, *, send: bool = False) -> Iterator[Finding]:
    """Look at each channel.

    Parameters
    ----------
    send
        Whether a test message goes out over each; otherwise nothing is sent. What was asked for and cannot be done
        is a failure, and no warning.
    """
    name = "notify"
    try:
        channels = make_channels(settings)
    except NodeError as error:
        yield Finding(name, Verdict.FAILED, str(error))
        return
    if not channels and send:
        yield Finding(name, Verdict.FAILED, "no test message: set notify.smtp_host or notify.webhook_url first")
        return
    if not channels:
        yield Finding(name, Verdict.OK, "off: set notify.smtp_host or notify.webhook_url to be told of what waits")
        return
    waiting = _waiting(settings)
    for channel in channels:
        yield _test(channel) if send else _look(channel, waiting)


def _test(channel: Channel) -> Finding:
    name = f"notify {channel.name}"
    try:
        tell(
            channel,
            [Notice(TEST, "", "This is a test: `mvi-node doctor --notify` asked for it. Nothing is wrong.")],
        )
    except NodeError as error:
        return Finding(name, Verdict.FAILED, f"no test message: {error}")
    return Finding(name, Verdict.OK, "took a test message; see whether it reaches people")


def _look(channel: Channel, waiting: Mapping[str, tuple[int, str]]) -> Finding:
    name = f"notify {channel.name}"
    try:
        words = channel.check()
    except NodeError as error:
        # The node works without it: nobody is told, which is why it is said here and in the metrics.
        return Finding(name, Verdict.WARNING, f"{error}; nobody is told over it")
    if channel.name in waiting:
        number, because = waiting[channel.name]
        return Finding(name, Verdict.WARNING, f"{words}, but {number} notices wait: {because}")
    return Finding(name, Verdict.OK, words)


def _waiting(settings: Settings) -> Mapping[str, tuple[int, str]]:
    with suppress(NodeError, SQLAlchemyError), open_ledger(existing_ledger_url(settings)) as ledger:
        return ledger.notices.waiting()
    return {}

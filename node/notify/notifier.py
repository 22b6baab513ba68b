"""Tell people once of what is new; what cannot be told waits, and holds nothing up."""

import logging
from collections.abc import Callable, Mapping, Sequence

from config.settings import Settings
from node.backoff import BackOff
from node.ledger.ledger import Ledger
from node.ledger.notices import Notice
from node.notify.channel import Channel, ChannelError
from node.notify.conditions import Conditions
from node.notify.mail import Mail
from node.notify.webhook import Webhook

logger = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 60.0, 3600.0
"""Waits after a message that could not be sent, s."""
MOST_AT_ONCE = 50
"""Notices in one message; more are counted in its last line."""


def make_channels(settings: Settings) -> list[Channel]:
    """Return the channels of the settings, none where people are not told.

    Raises
    ------
    ConfigError
        A file that they name cannot be read.
    """
    notify, ae_title = settings.notify, settings.node.ae_title
    channels: list[Channel] = []
    if notify.smtp_host:
        channels.append(Mail(notify, ae_title))
    if notify.webhook_url:
        channels.append(Webhook(notify, ae_title))
    return channels


class Notifier:
    """Looks, and tells what is new; call `check` again and again.

    Parameters
    ----------
    back_off
        Between attempts on one channel.
    """

    def __init__(
        self, ledger: Ledger, conditions: Conditions, channels: Sequence[Channel], back_off: BackOff
    ) -> None:
        self._ledger = ledger
        self._conditions = conditions
        self._channels = {channel.name: channel for channel in channels}
        self._back_off = back_off
        self._failures = dict.fromkeys(self._channels, 0)
        self._not_before_s = dict.fromkeys(self._channels, 0.0)
        self._counts = dict.fromkeys(self._channels, (0, 0))

    def check(self) -> None:
        """Look once; nothing while another node of the same ledger does."""
        with self._ledger.alone("notify") as mine:
            if not mine:
                return
            found = self._conditions.present()
            present = [item for items in found.values() for item in items]
            self._ledger.notices.sync(present, list(found), list(self._channels))
            for channel in self._channels.values():
                if self._ledger.monotonic_s() >= self._not_before_s[channel.name]:
                    self._tell(channel)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many messages were sent and failed since the start, by channel and outcome."""
        return {
            (name, outcome): number
            for name, (sent, failed) in self._counts.items()
            for outcome, number in (("sent", sent), ("failed", failed))
        }

    def _tell(self, channel: Channel) -> None:
        notices = self._ledger.notices.untold(channel.name)
        if not notices:
            return
        sent, failed = self._counts[channel.name]
        try:
            tell(channel, _shortened(notices))
        except ChannelError as error:
            self._failures[channel.name] += 1
            wait_s = self._back_off.delay_s(self._failures[channel.name])
            self._not_before_s[channel.name] = self._ledger.monotonic_s() + wait_s
            self._counts[channel.name] = sent, failed + 1
            self._ledger.notices.failed(channel.name, notices, str(error))
            logger.warning("notices not sent, again in %.0f s number=%d error=%s", wait_s, len(notices), error)
            return
        self._failures[channel.name] = 0
        self._counts[channel.name] = sent + 1, failed
        self._ledger.notices.told(channel.name, notices)
        logger.info("notices sent channel=%s number=%d", channel.name, len(notices))


def tell(channel: Channel, notices: Sequence[Notice]) -> None:
    """Send one message over a channel.

    Raises
    ------
    ChannelError
        It could not be sent, whatever the reason.
    """
    try:
        channel.tell(notices)
    except ChannelError:
        raise
    except Exception as error:  # An address that no mail can have, say: the other channel goes on.
        logger.exception("notices not sent channel=%s", channel.name)
        raise ChannelError(f"an error of this node: {type(error).__name__}") from error


def _shortened(notices: Sequence[Notice]) -> Sequence[Notice]:
    more = len(notices) - MOST_AT_ONCE
    if more <= 0:
        return notices
    return [*notices[:MOST_AT_ONCE], Notice("more", "", f"And {more} more: see `mvi-node queue`.")]


def make_notifier(
    settings: Settings, ledger: Ledger, back_off: Callable[[float, float], BackOff]
) -> Notifier | None:
    """Return the notifier of the settings; None where nobody is to be told.

    Raises
    ------
    ConfigError
        A file that the settings name cannot be read.
    """
    channels = make_channels(settings)
    if not channels:
        return None
    return Notifier(ledger, Conditions(ledger, settings), channels, back_off(FIRST_S, LONGEST_S))

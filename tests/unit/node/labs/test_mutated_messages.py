"""A thousand broken messages: no crash, no value that the message does not hold, each answered or dropped."""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from config.analytes import load_analytes
from node.labs.hl7_receiver import Hl7Receiver
from node.labs.observation import AcceptedValue
from node.ledger.lab_messages import ControlIdInUseError, Incoming
from node.ledger.lab_records import LabState, Taken
from node.ledger.labs import Labs
from node.ledger.ledger import Ledger
from tests.unit.node.labs.hl7_samples import PANEL, SYSTEMS, panel
from tests.unit.node.labs.sender import code_of

MUTATIONS = 1000
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Mutation = Callable[[bytes, random.Random], bytes]


def flip(message: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(message))
    return message[:place] + bytes([chance.randrange(256)]) + message[place + 1 :]


def cut(message: bytes, chance: random.Random) -> bytes:
    return message[: chance.randrange(len(message))]


def lose(message: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(message))
    return message[:start] + message[start + chance.randrange(1, 40) :]


def double(message: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(message))
    end = start + chance.randrange(1, 200)
    return message[:end] + message[start:end] + message[end:]


def shuffle(message: bytes, chance: random.Random) -> bytes:
    first, *rest = message.split(b"\r")
    chance.shuffle(rest)
    return b"\r".join([first, *rest])


def swap_separators(message: bytes, chance: random.Random) -> bytes:
    old, new = chance.sample([b"|", b"^", b"~", b"\\", b"&", b"\r"], 2)
    return message.replace(old, new, chance.randrange(1, 9))


def insert(message: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(message))
    return message[:place] + chance.randbytes(chance.randrange(1, 20)) + message[place:]


MUTATE: tuple[Mutation, ...] = (flip, cut, lose, double, shuffle, swap_separators, insert)


def numbered(message: bytes, number: int) -> bytes:
    """Give a message a control ID of its own, so that none is taken for an earlier one."""
    header, *rest = message.replace(b"\n", b"\r").split(b"\r")
    mark = header[3:4]
    fields = header.split(mark)
    fields[9] = f"N{number}".encode()
    return b"\r".join([mark.join(fields), *rest])


def holds(message: bytes, original: str, unit: str) -> bool:
    """Tell, without the parser under test, whether a message holds a value and its unit in one segment."""
    for codec in ("utf-8", "gb18030", "iso8859-1"):
        lines = message.decode(codec, errors="replace").replace("\n", "\r").split("\r")
        if any(original in line.replace("^", "") and unit in line for line in lines):
            return True
    return False


class WatchedLabs(Labs):
    """Remembers what was last taken: reading the whole ledger after each message takes longer than all else."""

    _last: tuple[AcceptedValue, ...] = ()

    def last(self) -> tuple[AcceptedValue, ...]:
        found, self._last = self._last, ()
        return found

    def take_group(self, group: Sequence[Incoming]) -> list[Taken | ControlIdInUseError]:
        self._last = tuple(value for one in group for part in one.results for value in part.accepted)
        return super().take_group(group)


def test_answer_when_messages_are_broken_then_no_value_is_invented_and_each_is_answered_or_logged(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    labs = WatchedLabs(ledger.engine, ledger.clock)
    receiver = Hl7Receiver(labs, load_analytes(), "HOSP", lambda: NOW)
    chance = random.Random(20260201)
    sources = [panel(), *(message for message, _ in SYSTEMS.values())]
    answered, dropped, seen = 0, 0, 0
    caplog.set_level(logging.WARNING)
    for number in range(MUTATIONS):
        message = numbered(chance.choice(sources), number)
        for _ in range(chance.randrange(1, 4)):
            message = chance.choice(MUTATE)(message, chance) or b"x"
        caplog.clear()
        answer = receiver.answer(message)
        if answer is None:
            dropped += 1
            assert "dropped" in caplog.text, number
        else:
            answered += 1
            assert code_of(answer) in ("AA", "AE", "AR"), number
        assert "not understood" not in caplog.text, (number, message)
        for value in labs.last():
            seen += 1
            assert holds(message, value.original_value, value.original_unit), (number, value, message)
            assert value.analyte in PANEL
    assert answered > MUTATIONS / 2
    assert dropped > 0
    assert 0 < len(ledger.labs.values(states=tuple(LabState))) <= seen
    with_sound = receiver.answer(panel("AFTERWARDS"))
    assert with_sound is not None
    assert code_of(with_sound) == "AA"

"""A laboratory's interface engine, as far as the tests need one: it sends, waits for answers, and reconnects."""

import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

START, END = b"\x0b", b"\x1c\r"
TIMEOUT_S = 30.0


class Sender:
    """One connection over MLLP."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, message: bytes) -> None:
        self.send_raw(START + message + END)

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> bytes:
        """Return the next answer; raise `ConnectionError` where the connection ends."""
        while END not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError
            self._buffer += data
        block, self._buffer = self._buffer.split(END, 1)
        return block.removeprefix(START)

    def ask(self, message: bytes) -> bytes:
        self.send(message)
        return self.answer()

    def is_closed(self) -> bool:
        """Wait until the other side closes."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def code_of(answer: bytes) -> str:
    """Return MSA-1."""
    msa = next(line for line in answer.split(b"\r") if line.startswith(b"MSA"))
    return msa.split(msa[3:4])[1].decode()


def deliver(
    port: Callable[[], int], messages: list[bytes], *, wait: Callable[[], None], before: Callable[[int], None]
) -> list[bytes]:
    """Send one message after the other, each again on a new connection until it is answered, as Mirth does.

    Parameters
    ----------
    wait
        Between two attempts to connect.
    before
        Called with the number of each message after it was sent, before its answer is read.
    """
    answers: list[bytes] = []
    connection: Sender | None = None
    while len(answers) < len(messages):
        try:
            connection = connection or Sender(port())
            connection.send(messages[len(answers)])
            before(len(answers))
            answers.append(connection.answer())
        except OSError:
            if connection is not None:
                connection.close()
            connection = None
            wait()
    if connection is not None:
        connection.close()
    return answers

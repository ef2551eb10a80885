"""The channel between the platform and a strategy's process: length-prefixed msgpack, bounded, a closed set of kinds.

Never pickle: what arrives was written by a process that runs other people's code.
"""

import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

import msgpack

MAX_FRAME_BYTES = 512 * 1024 * 1024
_HEADER = struct.Struct(">I")
_CHUNK = 1024 * 1024


class ChannelClosed(Exception):
    """The other side is gone."""


class ProtocolViolation(Exception):
    """The other side sent what is not a message: treat it as hostile."""


class Channel:
    """One end of a socket pair. Not thread safe."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._received = bytearray()

    def send(self, kind: str, **body: object) -> None:
        """Send one message. Raises ChannelClosed."""
        payload = msgpack.packb({"kind": kind, **body})
        try:
            self._socket.sendall(_HEADER.pack(len(payload)))
            self._socket.sendall(payload)
        except OSError as error:
            raise ChannelClosed from error

    def send_descriptor(self, descriptor: int) -> None:
        """Share an open file; only before the first message. Raises ChannelClosed."""
        try:
            socket.send_fds(self._socket, [b"\0"], [descriptor])
        except OSError as error:
            raise ChannelClosed from error

    def receive_descriptor(self) -> int:
        """What `send_descriptor` sent, however long it takes; ours to close. Raises ChannelClosed."""
        try:
            _, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise ChannelClosed from error
        if not descriptors:
            raise ChannelClosed
        return descriptors[0]

    def receive(self, kinds: Mapping[str, frozenset[str]], timeout_s: float) -> dict[str, Any] | None:
        """The next message, or None after `timeout_s`.

        `kinds` gives the accepted kinds and the exact fields of each. Raises ChannelClosed, ProtocolViolation.
        """
        deadline = time.monotonic() + timeout_s
        while (payload := self._next_frame()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return None
            self._read()
        return _decode(payload, kinds)

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise ChannelClosed from error
        if not data:
            raise ChannelClosed
        self._received += data

    def _next_frame(self) -> bytes | None:
        if len(self._received) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._received)
        if length > MAX_FRAME_BYTES:
            raise ProtocolViolation(f"a message of {length} bytes")
        end = _HEADER.size + length
        if len(self._received) < end:
            return None
        payload = bytes(self._received[_HEADER.size : end])
        del self._received[:end]
        return payload


def _decode(payload: bytes, kinds: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    try:
        message = msgpack.unpackb(payload, strict_map_key=True)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolViolation("not msgpack") from error
    if not isinstance(message, dict) or not isinstance(kind := message.pop("kind", None), str):
        raise ProtocolViolation("not a message")
    if kind not in kinds or set(message) != kinds[kind]:
        raise ProtocolViolation(f"unexpected message {kind!r}")
    return {"kind": kind, **message}

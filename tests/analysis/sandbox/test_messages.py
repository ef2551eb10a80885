"""The channel: bounded, a closed set of messages, and nothing but plain values."""

import pickle
import socket
import struct
import threading
from collections.abc import Iterator

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sandbox.messages import MAX_FRAME_BYTES, Channel, ChannelClosed, ProtocolViolation

KINDS = {"progress": frozenset({"done", "total"}), "checked": frozenset()}


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = Channel(ours)
        yield channel, theirs
        channel.close()


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def test_a_message_arrives_as_it_was_sent(ends):
    channel, theirs = ends
    Channel(theirs).send("progress", done=3, total=9)
    assert channel.receive(KINDS, 1) == {"kind": "progress", "done": 3, "total": 9}


def test_messages_keep_their_order_however_they_are_cut(ends):
    channel, theirs = ends
    payloads = [msgpack.packb({"kind": "progress", "done": n, "total": 2}) for n in range(3)]
    for byte in b"".join(frame(payload) for payload in payloads):
        theirs.sendall(bytes([byte]))
    assert [channel.receive(KINDS, 1)["done"] for _ in range(3)] == [0, 1, 2]


def test_nothing_within_the_time_is_none(ends):
    assert ends[0].receive(KINDS, 0.01) is None


def test_half_a_message_is_none_and_the_rest_may_follow(ends):
    channel, theirs = ends
    data = frame(msgpack.packb({"kind": "checked"}))
    theirs.sendall(data[:5])
    assert channel.receive(KINDS, 0.01) is None
    theirs.sendall(data[5:])
    assert channel.receive(KINDS, 1) == {"kind": "checked"}


def test_the_end_of_the_other_side_is_said(ends):
    channel, theirs = ends
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.receive(KINDS, 1)


def test_a_message_beyond_the_bound_is_refused_before_it_is_read(ends):
    channel, theirs = ends
    theirs.sendall(struct.pack(">I", MAX_FRAME_BYTES + 1))
    with pytest.raises(ProtocolViolation):
        channel.receive(KINDS, 1)


@pytest.mark.parametrize(
    "payload",
    [
        pickle.dumps({"kind": "checked"}),
        msgpack.packb("checked"),
        msgpack.packb({"kind": "unknown"}),
        msgpack.packb({"kind": 5}),
        msgpack.packb({"kind": "progress", "done": 1}),
        msgpack.packb({"kind": "checked", "more": 1}),
        msgpack.packb({"kind": ["checked"]}),
        b"",
    ],
)
def test_what_is_no_known_message_is_refused(ends, payload):
    channel, theirs = ends
    theirs.sendall(frame(payload))
    with pytest.raises(ProtocolViolation):
        channel.receive(KINDS, 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_a_wait_or_a_violation(data):
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            message = channel.receive(KINDS, 1)
            assert message is not None
            assert message["kind"] in KINDS
        except (ChannelClosed, ProtocolViolation):
            pass
    channel.close()


def test_large_messages_pass(ends):
    channel, theirs = ends
    equity = bytes(8 * 1_000_000)
    sender = threading.Thread(target=Channel(theirs).send, args=("result",), kwargs={"equity": equity})
    sender.start()
    message = channel.receive({"result": frozenset({"equity"})}, 10)
    sender.join()
    assert message["equity"] == equity

"""Frames between a process and its child: a pickle and, beside it, the bytes of its arrays.

A message is a count, that many lengths, then the frames: the pickle first, then one frame
per array (pickle protocol 5, out of band), so that an hour of samples is neither copied
into a pickle nor out of one.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

_COUNT = struct.Struct("!I")
_LENGTH = struct.Struct("!Q")

Loads = Callable[[bytearray, Sequence[bytearray]], Any]


class Closed(Exception):
    """The other end is gone."""


def pack(message: object) -> list[memoryview]:
    """The frames of a message, its header first. Raises what pickle raises."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    frames = [memoryview(body), *(buffer.raw() for buffer in buffers)]
    header = _COUNT.pack(len(frames)) + b"".join(_LENGTH.pack(frame.nbytes) for frame in frames)
    return [memoryview(header), *frames]


def loads(body: bytearray, buffers: Sequence[bytearray]) -> Any:
    """Undo ``pack`` for messages of a process that is trusted."""
    return pickle.loads(body, buffers=buffers)  # noqa: S301 - the child trusts its parent


def send(channel: socket.socket, message: object) -> None:
    """Blocking send. Raises Closed."""
    try:
        for frame in pack(message):
            channel.sendall(frame)
    except ConnectionError as error:
        raise Closed from error


def receive(channel: socket.socket) -> Any:
    """Blocking receive. Raises Closed."""

    def read(size_bytes: int) -> bytearray:
        buffer = bytearray(size_bytes)
        view = memoryview(buffer)
        while view:
            got = channel.recv_into(view)
            if not got:
                raise Closed
            view = view[got:]
        return buffer

    try:
        (count,) = _COUNT.unpack(read(_COUNT.size))
        lengths = [_LENGTH.unpack(read(_LENGTH.size))[0] for _ in range(count)]
        frames = [read(length) for length in lengths]
    except ConnectionError as error:
        raise Closed from error
    return loads(frames[0], frames[1:])


async def send_async(channel: socket.socket, frames: Sequence[memoryview]) -> None:
    """Send what ``pack`` gave over a non-blocking socket. Raises Closed."""
    loop = asyncio.get_running_loop()
    try:
        for frame in frames:
            if frame.nbytes:
                await loop.sock_sendall(channel, frame)
    except ConnectionError as error:
        raise Closed from error


async def receive_async(channel: socket.socket, load: Loads) -> Any:
    """Receive one message over a non-blocking socket. Raises Closed, and what ``load`` raises."""
    loop = asyncio.get_running_loop()

    async def read(size_bytes: int) -> bytearray:
        buffer = bytearray(size_bytes)
        view = memoryview(buffer)
        while view:
            got = await loop.sock_recv_into(channel, view)
            if not got:
                raise Closed
            view = view[got:]
        return buffer

    try:
        (count,) = _COUNT.unpack(await read(_COUNT.size))
        lengths = [_LENGTH.unpack(await read(_LENGTH.size))[0] for _ in range(count)]
        frames = [await read(length) for length in lengths]
    except ConnectionError as error:
        raise Closed from error
    return load(frames[0], frames[1:])

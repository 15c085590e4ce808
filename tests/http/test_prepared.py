"""Answers sent in one write say what aiohttp would say, and wait for whoever reads slowly."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from registry.http.application import application, runner
from registry.http.prepared import Prepared, Whole, head
from tests.http.test_door import operation, parts

KEPT, ENDED = b"HTTP/1.1", b"HTTP/1.0"
LARGE = b"x" * (32 << 20)


@asynccontextmanager
async def talking(*routes, given=None):
    """A connection of our own, so that every byte is seen."""
    running = runner(application(given or parts(), routes))
    await running.setup()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*running.addresses[0], limit=1 << 26)
    try:
        yield reader, writer
    finally:
        writer.close()
        await running.cleanup()


async def answered(talk, method="GET", version=b"HTTP/1.1", headers=b"", path="/it"):
    reader, writer = talk
    writer.write(f"{method} {path} ".encode() + version + b"\r\nHost: here\r\n" + headers + b"\r\n")
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    given = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    length = 0 if method == "HEAD" else int(given["content-length"])
    return status.split(" ", 1)[1], given, await reader.readexactly(length)


async def whole(call):
    call.headers["Registry-Position"] = "main:7"
    return call.json({"é": 1}, 201)


SAID_OTHERWISE = {"date", "connection", "x-request-id"}


def comparable(answer):
    status, given, body = answer
    return status, {name: value for name, value in given.items() if name not in SAID_OTHERWISE}, body


@pytest.mark.parametrize(
    ("version", "headers"), [(b"HTTP/1.0", b""), (b"HTTP/1.1", b"Connection: close\r\n")], ids=["1.0", "close"]
)
async def test_both_ways_say_the_same(version, headers):
    async with talking(operation(whole)) as talk:
        at_once = await answered(talk)
        assert comparable(await answered(talk)) == comparable(at_once)  # the connection stays open
        ordinary = await answered(talk, version=version, headers=headers)
        assert await talk[0].read() == b""  # and ends here
    assert "server" not in ordinary[1]  # which aiohttp's own way would add
    assert comparable(ordinary) == comparable(at_once)
    assert at_once[1]["date"][-3:] == "GMT"


async def test_head_has_the_length_and_no_body():
    async with talking(operation(whole)) as talk:
        _, given, body = await answered(talk)
        assert (await answered(talk, "HEAD"))[1]["content-length"] == given["content-length"] == str(len(body))
        assert (await answered(talk))[2] == body  # nothing of a body lies in between


async def test_an_answer_that_ends_the_connection_takes_the_ordinary_way():
    async def last(call):
        response = call.json({})
        response.force_close()
        return response

    async with talking(operation(last)) as talk:
        assert (await answered(talk))[1]["connection"] == "close"
        assert await talk[0].read() == b""


async def test_a_header_cannot_begin_another_one():
    async def forged(call):
        call.headers["Location"] = "/a\r\nSet-Cookie: mine"
        return call.json({})

    async with talking(operation(forged)) as (reader, writer):
        writer.write(b"GET /it HTTP/1.1\r\nHost: here\r\n\r\n")
        assert b"mine" not in await reader.read()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Whole(body=LARGE),
        lambda: Prepared(200, head(200, {"Content-Length": str(len(LARGE))}) + LARGE),
    ],
    ids=["whole", "prepared"],
)
async def test_a_slow_reader_makes_its_own_request_wait_and_gets_everything(make):
    """While the client does not read, the handler's answer is not done: nothing more is written on its connection."""
    answers, is_begun = [], asyncio.Event()

    async def large(call):
        answers.append(make())
        is_begun.set()
        return answers[-1]

    async with talking(operation(large)) as (reader, writer):
        reader._transport.pause_reading()
        writer.write(b"GET /it HTTP/1.1\r\nHost: here\r\n\r\n" * 2)
        await is_begun.wait()
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert len(answers) == 1
        reader._transport.resume_reading()
        for _ in range(2):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(LARGE)) == LARGE
        assert len(answers) == 2

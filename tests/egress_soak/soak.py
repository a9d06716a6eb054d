# SPDX-License-Identifier: Apache-2.0
"""Idle tunnels that must stay, busy ones that come, carry random bytes both ways and go, and slow readers among them."""
import asyncio
import hashlib
import os
import random
import re
import resource
import sys
import time

import harness
from harness import Proxy, test, true

IDLE, BUSY = 2000, 200
SECONDS = float(sys.argv[2])


async def digest(connection):
    """Answers with what it got: the hash of each message, whose length goes before it."""
    reader, writer = connection
    try:
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            hashed = hashlib.sha256()
            while size:
                piece = await reader.read(min(size, 65536))
                if not piece:
                    return
                hashed.update(piece)
                size -= len(piece)
            # As many random bytes as came would prove the other direction no better than a stream made from the hash.
            writer.write(hashed.digest() * 512)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def tunnel(proxy, port):
    s = proxy.connect()
    s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % port)  # at once: the head has 10 s, and this loop may be slow
    s.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=s)
    head = await reader.readuntil(b"\r\n\r\n")
    true(head.startswith(b"HTTP/1.1 200 "), head)
    return reader, writer


async def ask(connection, size, slow):
    """One message there, its answer back, both equal by hash."""
    reader, writer = connection
    body = b"\0" + os.urandom(size - 1)
    writer.write(size.to_bytes(4, "big") + body)
    await writer.drain()
    want = hashlib.sha256(body).digest() * 512
    got = b""
    while len(got) < len(want):
        got += await reader.readexactly(min(1024 if slow else 16384, len(want) - len(got)))
        if slow:
            await asyncio.sleep(0.02)
    true(got == want, "the bytes are not those that were sent")


def resident(proxy):
    with open("/proc/%d/status" % proxy.process.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def descriptors(proxy):
    """Those of another's non-dumpable process are for root to count."""
    return len(os.listdir("/proc/%d/fd" % proxy.process.pid)) if os.geteuid() == 0 else None


async def soak():
    server = await asyncio.start_server(lambda *c: digest(c), "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy('allow = ["127.0.0.1:%d"]\n' % port)
    idle = []
    for _ in range(IDLE // 100):
        idle += await asyncio.gather(*[tunnel(proxy, port) for _ in range(100)])
    for connection in idle[: IDLE // 2]:  # half of them have spoken once
        await ask(connection, 100, False)
    transfers, end = 0, time.monotonic() + SECONDS

    async def worker(number):
        nonlocal transfers
        while time.monotonic() < end:
            connection = await tunnel(proxy, port)
            for _ in range(random.randint(1, 5)):
                await ask(connection, random.choice((1, 1000, 100_000, 1_000_000)), number % 10 == 0)
                transfers += 1
            if random.random() < 0.2:
                connection[1].transport.abort()
            else:
                connection[1].close()

    workers = [asyncio.create_task(worker(i)) for i in range(BUSY)]
    marks = []
    while any(not w.done() for w in workers):
        await asyncio.sleep(SECONDS / 8)
        marks.append(resident(proxy))
    await asyncio.gather(*workers)
    for connection in idle:
        await ask(connection, 100, False)
    print("%d transfers in %.0f s beside %d idle tunnels; resident KiB: %s" % (transfers, SECONDS, IDLE, " ".join(map(str, marks))))
    true(transfers > BUSY, "the busy tunnels did not work")
    # The first quarter warms the allocator and the pool of pipes; after it a leak of 100 bytes a transfer would be seen.
    true(marks[-1] < marks[len(marks) // 4] + 4096, "memory grows: %s" % marks)
    held = descriptors(proxy)
    for _, writer in idle:
        writer.close()
    if held is not None:
        true(held >= 2 * IDLE, held)
        end = time.monotonic() + harness.TIMEOUT
        while (left := descriptors(proxy)) > 200 and time.monotonic() < end:
            await asyncio.sleep(0.1)  # this loop is also the server that closes its ends
        true(left <= 200, "%d descriptors are left of %d" % (left, held))
        print("descriptors: %d with the idle tunnels, %d without" % (held, left))
    proxy.stop()


@test("2,000 idle and 200 busy tunnels: every byte by hash, memory flat, nothing left")
def _():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 2 * (IDLE + BUSY) * 2 + 500:
        raise harness.Skip("%d descriptors are too few" % hard)
    asyncio.run(soak())


if __name__ == "__main__":
    harness.run(sys.argv[1])

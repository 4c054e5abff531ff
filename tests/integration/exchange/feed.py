"""Follow the stream of server.py through proxies of the pool, until so many messages are there.

usage: feed.py PORT CERTIFICATE EXCHANGE COUNT OUTPUT

OUTPUT gets a line a connection ("connected NAME"), a line a failure ("failed NAME"), and at the end
"messages FIRST LAST COUNT" and "gaps N". The proxies come from pool-select, as cryptofeed's would:
a lease a connection, a report at its end. websockets makes the connection, python-socks the way
through the proxy, HTTP CONNECT or SOCKS.
"""

import asyncio
import json
import ssl
import sys

import websockets
from python_socks.async_.asyncio import Proxy as Tunnel

from proxypool_client import NoProxy, Proxy, report, select


async def follow(proxy: Proxy, port: str, context: ssl.SSLContext, seen: list[int], count: int,
                 output) -> None:
    tunnel = Tunnel.from_url(proxy.url.replace("socks5h://", "socks5://"))
    socket = await tunnel.connect(dest_host="127.0.0.1", dest_port=int(port), timeout=5)
    since = seen[-1] if seen else 0
    async with websockets.connect(f"wss://exchange.test:{port}/stream?since={since}", sock=socket,
                                  ssl=context, server_hostname="exchange.test") as stream:
        print("connected", proxy.name, file=output, flush=True)
        while len(seen) < count:
            seen.append(json.loads(await asyncio.wait_for(stream.recv(), 5))["sequence"])


async def main() -> None:
    port, certificate, exchange, count, path = sys.argv[1:]
    context = ssl.create_default_context(cafile=certificate)
    seen: list[int] = []
    with open(path, "w", encoding="ascii") as output:
        while len(seen) < int(count):
            proxy = select(exchange, "websocket")
            before = len(seen)
            try:
                await follow(proxy, port, context, seen, int(count), output)
            except Exception as error:
                print("failed", proxy.name, type(error).__name__, file=output, flush=True)
                # A stream that worked and broke off is no handshake that failed.
                report(proxy, "fail", "--reason", "truncated" if len(seen) > before else "reset")
            else:
                report(proxy, "ok")
        gaps = sum(b != a + 1 for a, b in zip(seen, seen[1:]))
        print("messages", seen[0], seen[-1], len(seen), file=output)
        print("gaps", gaps, file=output)


try:
    asyncio.run(main())
except NoProxy as error:
    sys.exit(f"no proxy: {error}")

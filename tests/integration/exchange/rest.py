"""Ask server.py for the time so many times, through proxies of the pool.

usage: rest.py PORT CERTIFICATE EXCHANGE COUNT OUTPUT [--direct-ok]

OUTPUT gets a line a request: "ok NAME" or "failed NAME"; a request is repeated until it is answered. aiohttp makes
it, through an HTTP proxy by itself, through SOCKS by aiohttp-socks, as cryptofeed's HTTPAsyncConn
does. With --direct-ok a lookup that is switched off is a direct request ("ok direct").
"""

import asyncio
import ssl
import subprocess
import sys

import aiohttp
from aiohttp_socks import ProxyConnector

from proxypool_client import NoProxy, report, select


async def ask(url: str, proxy: str | None, context: ssl.SSLContext) -> None:
    socks = proxy is not None and proxy.startswith("socks")
    connector = ProxyConnector.from_url(proxy.replace("socks5h://", "socks5://")) if socks else None
    async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=5)) as session:
        async with session.get(url, proxy=None if socks else proxy, ssl=context) as answer:
            answer.raise_for_status()
            await answer.json()


def is_off(exchange: str) -> bool:
    """Whether no proxy is wanted: success without output."""
    run = subprocess.run(["pool-select", "-x", exchange, "--direct-ok", "--dry-run"],
                         stdout=subprocess.PIPE, text=True, check=False)
    return run.returncode == 0 and not run.stdout


async def main() -> None:
    port, certificate, exchange, count, path, *options = sys.argv[1:]
    url = f"https://127.0.0.1:{port}/time"
    context = ssl.create_default_context(cafile=certificate)
    with open(path, "w", encoding="ascii") as output:
        done = 0
        while done < int(count):
            if options == ["--direct-ok"] and is_off(exchange):
                await ask(url, None, context)
                print("ok direct", file=output, flush=True)
                done += 1
                continue
            proxy = select(exchange, "http")
            try:
                await ask(url, proxy.url, context)
            except Exception as error:
                print("failed", proxy.name, type(error).__name__, file=output, flush=True)
                report(proxy, "fail", "--reason", "reset")
            else:
                report(proxy, "ok", "--status", "200")
                print("ok", proxy.name, file=output, flush=True)
                done += 1


try:
    asyncio.run(main())
except NoProxy as error:
    sys.exit(f"no proxy: {error}")

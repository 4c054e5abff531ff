"""Proxies of proxypool for Python programs: nothing but the standard library is needed.

Two ways to ask:

    with lease("binance", "websocket") as proxy:    # a process a call: simple
        connect(proxy.url)                          # an exception reports a failure

    with Selector() as selector:                    # one long-lived process: thousands a second
        url = selector.select("binance", "http")

Both raise NoProxy where there is none. Neither ever answers "go direct".
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Seconds after which a lease ends at the latest: the longest use of a proxy. In a container others
# cannot see this process end.
TTL = "3600"


class NoProxy(Exception):
    """No proxy can be had; the text is the reason, such as "none-eligible"."""


def _reason(url: str) -> str | None:
    """The reason in http://REASON.no-proxy.invalid:9, the answer for "no proxy"."""
    found = re.fullmatch(r"http://([a-z-]+)\.no-proxy\.invalid:9", url)
    return found[1] if found else None


@dataclass(frozen=True)
class Proxy:
    url: str
    name: str
    lease: str


def select(exchange: str = "default", transport: str = "http", *options: str) -> Proxy:
    """The proxy to use now, leased until it is reported or this process ends."""
    run = subprocess.run(
        ["pool-select", "-x", exchange, "-t", transport, "--lease", "--owner", str(os.getpid()),
         "--ttl", TTL, "--format", "%{url}\n%{name}\n%{lease}\n", *options],
        stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise NoProxy(_reason(run.stdout.strip()) or "error")
    url, name, lease_id = run.stdout.splitlines()
    return Proxy(url, name, lease_id)


def report(proxy: Proxy, said: str, *options: str) -> None:
    """Feed back how it went: "ok", "fail" or "done"; the lease ends."""
    if proxy.lease:
        subprocess.run(["pool-report", proxy.lease, said, *options], check=True)


@contextmanager
def lease(exchange: str = "default", transport: str = "http") -> Iterator[Proxy]:
    """A proxy for the time of a with block: an exception in it is a failure of the proxy."""
    proxy = select(exchange, transport)
    try:
        yield proxy
    except Exception:
        report(proxy, "fail")
        raise
    report(proxy, "ok")


class Selector:
    """A pool-select that answers line by line, started again if it ended."""

    def __init__(self, *options: str) -> None:
        self._command = ["pool-select", "--serve", *options]
        self._process: subprocess.Popen[str] | None = None

    def select(self, exchange: str = "-", transport: str = "http") -> str:
        """The URL to use now."""
        for fresh in (False, True):
            answer = self._ask(f"{exchange} {transport}\n", fresh)
            if answer:
                break
        else:
            raise NoProxy("error")
        if reason := _reason(answer):
            raise NoProxy(reason)
        return answer

    def _ask(self, line: str, fresh: bool) -> str:
        if fresh:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            return self._process.stdout.readline().rstrip("\n")
        except BrokenPipeError:
            return ""

    def close(self) -> None:
        """End the process; the next select() starts another one."""
        if self._process is None:
            return
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
        process.wait()

    def __enter__(self) -> Selector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    import sys

    try:
        with Selector() as selector:
            print(selector.select(*sys.argv[1:3]))
    except NoProxy as error:
        sys.exit(f"no proxy: {error}")

"""An exchange on loopback: REST and a WebSocket stream, over TLS.

usage: server.py CERTIFICATE KEY LOG

The port is the first line of standard output. The stream numbers its messages from 1 on, one each
10 ms since the start; who connects with ?since=N gets what came after N first, as feeds do that
can be resumed. LOG gets a line a connection: what it is, and where it comes from.
"""

import asyncio
import ssl
import sys
import time

from aiohttp import WSMsgType, web

PERIOD_S = 0.01
STARTED = time.monotonic()


def newest() -> int:
    return int((time.monotonic() - STARTED) / PERIOD_S)


def note(request: web.Request, what: str) -> None:
    with open(sys.argv[3], "a", encoding="ascii") as log:
        log.write(f"{what} {request.transport.get_extra_info('peername')[0]}\n")


async def answer_time(request: web.Request) -> web.Response:
    note(request, "rest")
    return web.json_response({"time": newest()})


async def stream(request: web.Request) -> web.WebSocketResponse:
    note(request, "stream")
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    sent = int(request.query.get("since", "0")) or newest()
    while not socket.closed:
        while sent < newest():
            sent += 1
            await socket.send_json({"sequence": sent})
        try:
            message = await socket.receive(timeout=PERIOD_S)
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                break
        except asyncio.TimeoutError:
            pass
    return socket


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    application = web.Application()
    application.add_routes([web.get("/time", answer_time), web.get("/stream", stream)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

"""A real WebSocket server whose paths say how it answers the handshake.

usage: websocket-server.py PORT TLS_PORT CERTIFICATE KEY LOG

PORT speaks ws://, TLS_PORT wss://. Each handshake that reaches the server is a line in LOG: its
path, a blank, the address it came from. Paths:

    /feed           101; the first messages follow at once
    /status-N       an answer of status N instead; 429 with Retry-After: 120
    /wrong-accept   101 with the Sec-WebSocket-Accept of another key
    /no-accept      101 without one
    /silent         no answer at all

With /ADDRESS behind it, only who comes from there is answered so, and everybody else as by /feed.
"""

import asyncio
import http
import ssl
import sys

# The interface that releases 10 to 15 have in common.
from websockets.legacy.server import WebSocketServerProtocol, serve

PORT, TLS_PORT, CERTIFICATE, KEY, LOG = sys.argv[1:]
OTHER_ACCEPT = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="


class Server(WebSocketServerProtocol):
    """The library's own handshake, except where the path asks for another."""

    behaviour = "feed"

    async def process_request(self, path, request_headers):
        address = self.remote_address[0]
        with open(LOG, "a", encoding="ascii") as log:
            print(path, address, file=log)
        behaviour, _, only = path[1:].partition("/")
        if only in ("", address):
            self.behaviour = behaviour
        if self.behaviour == "silent":
            await asyncio.Event().wait()
        if not self.behaviour.startswith("status-"):
            return None
        status = http.HTTPStatus(int(self.behaviour[len("status-"):]))
        headers = [("Retry-After", "120")] if status == 429 else []
        return status, headers, b"no upgrade here\n"

    def write_http_response(self, status, headers, body=None):
        if self.behaviour in ("wrong-accept", "no-accept"):
            del headers["Sec-WebSocket-Accept"]
        if self.behaviour == "wrong-accept":
            headers["Sec-WebSocket-Accept"] = OTHER_ACCEPT
        super().write_http_response(status, headers, body)


async def feed(connection):
    for number in range(3):
        await connection.send(f"message {number}")
    await connection.wait_closed()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    options = {"host": "127.0.0.1", "create_protocol": Server}
    # PORT is what the test waits for
    async with serve(feed, port=int(TLS_PORT), ssl=context, **options):
        async with serve(feed, port=int(PORT), **options):
            await asyncio.Event().wait()


asyncio.run(main())

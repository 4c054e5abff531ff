"""TLS before a server that speaks none, such as an ordinary HTTP proxy.

usage: tls-wrap.py PORT CERTIFICATE KEY TARGET_PORT LOG

Each byte that came through TLS and went to TARGET_PORT is in LOG as well.
"""

import socket
import ssl
import sys
import threading

PORT, CERTIFICATE, KEY, TARGET_PORT, LOG = sys.argv[1:]


def copy(source, sink, log=None):
    """Pass on what comes until nothing more does."""
    try:
        while data := source.recv(65536):
            if log:
                log.write(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(plain):
    """One connection. A handshake that fails ends it."""
    try:
        client = CONTEXT.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()
        return
    target = socket.create_connection(("127.0.0.1", int(TARGET_PORT)))
    threading.Thread(target=copy, args=(target, client), daemon=True).start()
    with open(LOG, "ab", buffering=0) as log:
        copy(client, target, log)


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(CERTIFICATE, KEY)
with socket.create_server(("127.0.0.1", int(PORT)), backlog=64) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

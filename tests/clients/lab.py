"""A small network for the tests of clients, in a namespace of its own.

usage: lab.py LOG READY

203.0.113.10  origin.test, ports 80 and 443
203.0.113.20  what each name below corp.test is, the search domain: ports 80, 443, 8080
127.0.0.1     a name server (53); proxies "pool" (3128) and "elsewhere" (3129), which connect
              from 203.0.113.30; control (7), which answers a line once all connections that were
              made before are in LOG

LOG gets a line when a connection is taken, NAME PORT PEER, and one with the first line that comes,
NAME PORT says LINE. Nothing speaks TLS: that a client comes is what counts. READY is made last.
"""

import socket
import sys
import threading

ORIGIN, WILDCARD, PROXY_FROM = "203.0.113.10", "203.0.113.20", "203.0.113.30"
LISTENERS = [
    ("origin", ORIGIN, 80), ("origin", ORIGIN, 443),
    ("wildcard", WILDCARD, 80), ("wildcard", WILDCARD, 443), ("wildcard", WILDCARD, 8080),
    ("pool", "127.0.0.1", 3128), ("elsewhere", "127.0.0.1", 3129),
]
log_lock = threading.Lock()
fences = {}


def log(*words):
    with log_lock, open(sys.argv[1], "a") as file:
        print(*words, file=file)


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        data = connection.recv(4096)
        if not data:
            break
        head += data
        if head[0] == 0x16:  # TLS
            break
    return head


def copy(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def forward(connection, head):
    """What a proxy does; it knows one target, whatever is asked for."""
    tunnel = head.startswith(b"CONNECT")
    with socket.create_connection((ORIGIN, 443 if tunnel else 80), 5,
                                  source_address=(PROXY_FROM, 0)) as target:
        if tunnel:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            target.sendall(head)
        back = threading.Thread(target=copy, args=(target, connection), daemon=True)
        back.start()
        copy(connection, target)
        back.join()


def serve(name, port, connection):
    connection.settimeout(10)
    try:
        head = read_head(connection)
        log(name, port, "says", ascii(head.split(b"\r\n")[0].decode("latin-1"))[1:-1])
        if name in ("pool", "elsewhere"):
            forward(connection, head)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               b"Content-Length: 3\r\nConnection: close\r\n\r\nyes")
    except OSError:
        pass
    finally:
        connection.close()


def take(name, listener, port):
    while True:
        connection, peer = listener.accept()
        fence = fences.pop(peer, None)
        if fence:
            connection.close()
            fence.set()
            continue
        log(name, port, peer[0])
        threading.Thread(target=serve, args=(name, port, connection), daemon=True).start()


def pass_fences():
    """A queue of connections is taken in order."""
    for _, address, port in LISTENERS:
        fence = threading.Event()
        with socket.socket() as connection:
            connection.bind((address, 0))
            fences[connection.getsockname()] = fence
            connection.connect((address, port))
            fence.wait(10)


def control(listener):
    while True:
        connection, _ = listener.accept()
        pass_fences()
        connection.sendall(b"done\n")
        connection.close()


def find_address(name):
    if name == "origin.test":
        return ORIGIN
    if name.endswith(".corp.test") or name == "corp.test":
        return WILDCARD
    return None


def answer(query):
    """A records; no other; NXDOMAIN elsewhere."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    name, kind = ".".join(labels).lower(), int.from_bytes(query[at + 1:at + 3], "big")
    address = find_address(name)
    log("dns", kind, name)
    given = address and kind == 1
    text = query[:2] + (b"\x85\x80" if address else b"\x85\x83") + b"\0\1"
    text += (b"\0\1" if given else b"\0\0") + b"\0\0\0\0" + query[12:at + 5]
    if given:
        text += b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address)
    return text


def name_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        while True:
            query, peer = server.recvfrom(4096)
            try:
                server.sendto(answer(query), peer)
            except (IndexError, OSError):
                pass


def listen(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    return listener


def main():
    for name, address, port in LISTENERS:
        threading.Thread(target=take, args=(name, listen(address, port), port),
                         daemon=True).start()
    threading.Thread(target=name_server, daemon=True).start()
    listener = listen("127.0.0.1", 7)
    open(sys.argv[2], "w").close()
    control(listener)


main()

"""State files of other versions, for tests.

usage: readdress.py former STATE POOL_FILE   STATE, of version 1 with its snapshot beside it, becomes
                                             that of POOL_FILE, written just now by a clock that is gone
       readdress.py later STATE              STATE, of version 2, becomes one of version 3, whole
"""
import os
import struct
import sys
import time

MASK = (1 << 64) - 1


def siphash(data):
    """SipHash-2-4 with 128 bits and a key of zeroes: its low half."""
    v = [0x736F6D6570736575, 0x646F72616E646F6D ^ 0xEE, 0x6C7967656E657261, 0x7465646279746573]

    def rotate(x, by):
        return (x << by | x >> (64 - by)) & MASK

    def turn():
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)

    data += b"\0" * (7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", data):
        v[3] ^= word
        turn()
        turn()
        v[0] ^= word
    v[2] ^= 0xEE
    for _ in range(4):
        turn()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def change(name, edit):
    with open(name, "r+b") as file:
        data = bytearray(file.read())
        edit(data)
        file.seek(0)
        file.write(data)


def path_in(data):
    return bytes(data[128:3200]).split(b"\0")[0]


def former(state, pool_file):
    path = os.fsencode(pool_file)

    def checksum(data):
        return siphash(struct.pack("<QQ", siphash(bytes(data[:24])), siphash(path_in(data))))

    def edit_state(data):
        assert struct.unpack_from("<Q", data, 24)[0] == checksum(data)
        data[128:3200] = path.ljust(3072, b"\0")
        struct.pack_into("<Q", data, 24, checksum(data))
        (image,) = struct.unpack_from("<Q", data, 64 + 32 * (data[56] & 1))
        data[image + 120] ^= 1  # clock_id
        struct.pack_into("<q", data, image + 136, int(time.time()))  # written_wall_s

    def edit_snapshot(data):
        (size,) = struct.unpack_from("<I", data, 12)
        assert struct.unpack_from("<Q", data, 16)[0] == siphash(bytes(data[24:size]))
        struct.pack_into("<Q", data, 40, siphash(path))  # file_id
        struct.pack_into("<Q", data, 16, siphash(bytes(data[24:size])))

    change(state, edit_state)
    change(state + ".snap", edit_snapshot)


def later(state):
    def checksum(data, version):
        at = 3200 + version % 2 * 96
        (layout,) = struct.unpack_from("<Q", data, at)
        return at + 8, siphash(struct.pack("<QQQ", version, layout, siphash(path_in(data))))

    def edit(data):
        at, expected = checksum(data, 2)
        assert struct.unpack_from("<Q", data, at)[0] == expected
        struct.pack_into("<I", data, 8, 3)
        struct.pack_into("<Q", data, *checksum(data, 3))

    change(state, edit)


if __name__ == "__main__":
    {"former": former, "later": later}[sys.argv[1]](*sys.argv[2:])

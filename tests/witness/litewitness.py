"""Runs filippo.io/torchwood's litewitness for a test, until standard input ends.

litewitness.py DIR PORT [--log ORIGIN VKEY]...
litewitness.py prepare                                 builds it into the cache, and no more

DIR keeps the key (`seed`) and the state (`witness.db`), so that the same witness comes back. litewitness signs through an
ssh-agent, which is the one below: two requests of that protocol, over one Ed25519 key. With `--log` a log is registered, which
its own tool `witnessctl` would do. Prints one line, `vkey NAME+ID+KEY`, when it listens.
"""

import base64
import hashlib
import os
import pathlib
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "parts"))
import go  # noqa: E402

NAME = "witness.example/lite"
KIND = b"ssh-ed25519"
IDENTITIES, IDENTITIES_ANSWER, SIGN, SIGNATURE, FAILURE = 11, 12, 13, 14, 5


def string(data):
    return struct.pack(">I", len(data)) + data


def blob(key):
    return string(KIND) + string(key.public_key().public_bytes_raw())


def fingerprint(key):
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob(key)).digest()).decode().rstrip("=")


def vkey(key):
    public = b"\x04" + key.public_key().public_bytes_raw()
    identity = hashlib.sha256(NAME.encode() + b"\n" + public).digest()[:4]
    return f"{NAME}+{identity.hex()}+{base64.b64encode(public).decode()}"


def answer(key, request):
    if request[:1] == bytes([IDENTITIES]):
        return bytes([IDENTITIES_ANSWER]) + struct.pack(">I", 1) + string(blob(key)) + string(b"witness")
    if request[:1] == bytes([SIGN]):
        size = struct.unpack(">I", request[1:5])[0]
        rest = request[5 + size :]
        data = rest[4 : 4 + struct.unpack(">I", rest[:4])[0]]
        return bytes([SIGNATURE]) + string(string(KIND) + string(key.sign(data)))
    return bytes([FAILURE])


def read(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve(connection, key):
    try:
        while True:
            request = read(connection, struct.unpack(">I", read(connection, 4))[0])
            connection.sendall(string(answer(key, request)))
    except (EOFError, OSError):
        connection.close()


def agent(listener, key):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, key), daemon=True).start()


def register(database, origin, log_key):
    """As `witnessctl add-log` and `add-key` do."""
    with sqlite3.connect(database) as connection:
        connection.executescript(
            """
            CREATE TABLE IF NOT EXISTS log (
                origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL
            );
            CREATE TABLE IF NOT EXISTS key (
                origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin)
            );
            """
        )
        empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
        connection.execute("INSERT OR IGNORE INTO log VALUES (?, 0, ?)", (origin, empty))
        connection.execute("INSERT INTO key SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM key WHERE key = ?)",
                           (origin, log_key, log_key))


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def main(directory, port, *logs):
    binary = go.program("litewitness")
    directory = pathlib.Path(directory)
    directory.mkdir(exist_ok=True)
    seed = directory / "seed"
    if not seed.exists():
        seed.write_bytes(os.urandom(32))
    key = Ed25519PrivateKey.from_private_bytes(seed.read_bytes())
    database = directory / "witness.db"
    for at in range(0, len(logs), 3):
        register(database, logs[at + 1], logs[at + 2])
    # A path of its own: those of sockets are short.
    place = f"\0sealtrail-witness-{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    threading.Thread(target=agent, args=(listener, key), daemon=True).start()
    with open(directory / "log", "ab") as log:
        arguments = ["-name", NAME, "-db", str(database), "-ssh-agent", place.replace("\0", "@"), "-key", fingerprint(key)]
        child = subprocess.Popen([binary, *arguments, "-listen", f"127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        while not listens(port):
            if child.poll() is not None:
                sys.exit((directory / "log").read_text())
            time.sleep(0.02)
        print("vkey", vkey(key), flush=True)
        sys.stdin.read()
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        go.program("litewitness")
    else:
        main(*sys.argv[1:])

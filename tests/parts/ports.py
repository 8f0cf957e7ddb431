"""Ports for the parts: free ones, below those that the kernel gives to outgoing connections, and kept while a part is down.

A killed broker comes back under its old port. In between, no connection may be given that port as its own end (so it lies
outside the kernel's ephemeral range), and no other run may take it (so it is on a list that all runs of a user share, with
the part's directory as its owner). A port is free again when that directory is gone; nothing needs to be handed back, and
a run that died costs nothing once its directory is deleted.
"""

import json
import pathlib
import random
import socket

import cache

HOST = "127.0.0.1"
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def reserve(owner, count):
    """`count` ports for the directory `owner`, which gives up those that it had before."""
    list_file = cache.root() / "ports.json"
    with cache.lock(cache.root() / ".ports.lock"):
        taken = json.loads(list_file.read_text()) if list_file.exists() else {}
        taken = {port: of for port, of in taken.items() if of != str(owner) and pathlib.Path(of).exists()}
        found = _free(count, {int(port) for port in taken})
        taken.update({str(port): str(owner) for port in found})
        unfinished = list_file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(taken))
        unfinished.rename(list_file)
    return found


def candidates():
    """The larger stretch of unprivileged ports on either side of the ephemeral range."""
    first, last = map(int, EPHEMERAL.read_text().split())
    below, above = range(min(10_000, first), first), range(last + 1, 65_536)
    chosen = max(below, above, key=len)
    if len(chosen) < 1000:
        raise cache.Failure(f"{EPHEMERAL} leaves no room for servers: write `32768 60999` into it")
    return chosen


def _free(count, taken):
    found = []
    for port in random.sample(candidates(), len(candidates())):
        if len(found) == count:
            return found
        if port not in taken and _binds(port):
            found.append(port)
    raise cache.Failure(f"{count} free ports could not be found: delete the directories of old runs")


def _binds(port):
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True

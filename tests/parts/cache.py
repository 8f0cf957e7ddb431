"""Where downloads and builds are kept: `$SEALTRAIL_CACHE/parts`, outside every checkout, shared by all runs of a user.

An entry is a directory that appears whole or not at all: it is made under a name of its own and renamed when finished.
A crash leaves the unfinished one, which the next maker of the same entry removes. Two makers wait for each other on a
lock that the kernel releases when its holder dies.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import sys
import tomllib

VERSIONS = tomllib.loads((pathlib.Path(__file__).parent / "versions.toml").read_text())


class Failure(Exception):
    """What could not be done, where, and the remedy; the command ends with 1 and prints it."""


def root():
    home = os.environ.get("SEALTRAIL_CACHE") or os.path.expanduser("~/.cache/sealtrail")
    path = pathlib.Path(home).absolute() / "parts"
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    """For people: stdout is for what programs read."""
    print(f"parts: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def lock(path):
    """Only one process at a time is in here for `path`."""
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def entry(name, make):
    """The directory `name` of the cache; `make(directory)` fills it if it is not there yet."""
    path = root() / name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            unfinished = path.with_name(f".{path.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(path)
    return path

"""SoftHSM 2: a PKCS#11 token in software, from the distribution's own packages.

It is not installed, only unpacked into the cache: nobody need be root. `apt-get` of the machine fetches and checks it, so it
fits the machine's libraries; the version is what the distribution has. Elsewhere an installed one is used.

What it must not be used to prove: that a key can't be read (its tokens are files), that a token behind a network is fast.
"""

import os
import pathlib
import subprocess

import cache
from cache import Failure, say
from toolchain import run

PACKAGES = ("libsofthsm2", "softhsm2")
INSTALLED = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")


def variables():
    """Where the module and its tool are; both are fetched when they are missing."""
    roots = [pathlib.Path("/")]
    if not any(pathlib.Path(path).exists() for path in INSTALLED):
        roots = [cache.entry("softhsm", _unpack)]
    for root in roots:
        modules = [root / path.lstrip("/") for path in INSTALLED]
        tools = [root / path for path in ("usr/bin/softhsm2-util", "usr/local/bin/softhsm2-util")]
        for module in filter(pathlib.Path.exists, modules):
            for tool in filter(pathlib.Path.exists, tools):
                return {"SOFTHSM_MODULE": module, "SOFTHSM_UTIL": tool}
    raise Failure("SoftHSM's module or its `softhsm2-util` is missing: install softhsm2")


def _unpack(directory):
    if subprocess.run(["sh", "-c", "command -v apt-get && command -v dpkg-deb"], capture_output=True).returncode:
        raise Failure("SoftHSM is fetched with apt-get: install softhsm2")
    say("fetching SoftHSM")
    downloads = directory / "packages"
    downloads.mkdir()
    try:
        run(["apt-get", "download", "-q", *PACKAGES], cwd=downloads)
    except Failure:
        # The machine has no lists of packages yet: they are fetched to a place of our own.
        lists = directory / "apt"
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (lists / folder).mkdir(parents=True)
        own = ["-o", f"Dir::State={lists}/state", "-o", f"Dir::Cache={lists}/cache", "-o", "Debug::NoLocking=1",
               "-o", "Dir::State::status=/var/lib/dpkg/status"]
        run(["apt-get", *own, "update", "-q"], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        run(["apt-get", *own, "download", "-q", *PACKAGES], cwd=downloads)
    for package in downloads.iterdir():
        run(["dpkg-deb", "-x", package, directory])

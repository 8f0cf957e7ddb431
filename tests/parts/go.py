"""Builds a Go program of a pinned version into the cache."""

import shutil
import time

import cache
import toolchain
from cache import VERSIONS, say


def program(name):
    """The executable of the part `name`, built at the first call: four minutes for the largest on two cores."""
    wanted = VERSIONS[name]

    def build(directory):
        go, environment = toolchain.go()
        say(f"building {name} {wanted['version']}")
        began = time.monotonic()
        made = directory / "bin"
        toolchain.run([go, "install", "-trimpath", "-ldflags=-s -w", f"{wanted['package']}@{wanted['version']}"],
                      env=environment | {"GOBIN": str(made)})
        # Go names it after the last word of the package's path.
        next(made.iterdir()).rename(directory / name)
        shutil.rmtree(made)
        say(f"built {name} in {time.monotonic() - began:.0f} s")

    return cache.entry(f"{name}/{wanted['version']}", build) / name

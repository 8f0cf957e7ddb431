"""Ends a run's parts when the process that they were started for is gone, however it died.

The commands that start parts are over in seconds, so the parts are nobody's children; a test run that is killed would leave
them behind. `up --parent PID` therefore leaves one small process waiting for PID's end, at no cost in CPU time.
"""

import os
import pathlib
import sys

import process

HERE = pathlib.Path(__file__).parent


def watch(run, parent):
    """Leaves a watcher behind; one for each run and parent."""
    command = [sys.executable, HERE / "parts", "watch", "--dir", run, "--parent", parent]
    process.Process(run / f"watcher-{parent}").start(command)


def wait_for(parent):
    """Returns when the process `parent` has ended."""
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    process.wait_for_end(descriptor)
    os.close(descriptor)


def end(run):
    """Ends the watchers of a run, except the one that this is."""
    for directory in run.glob("watcher-*"):
        watcher = process.Process(directory)
        if watcher.pid() != os.getpid():
            watcher.kill()

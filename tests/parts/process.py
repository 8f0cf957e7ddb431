"""A process of ours, known by its pid and its start time, so that a signal never hits a stranger that got the same pid.

The record `DIR/process` is written by the child before it becomes the program: there is no moment in which a process of
ours runs without a record, whatever dies. Signals go through a pidfd, which stays with the process that it was opened
for. Every process leads a session of its own and outlives the command that started it.

What each fault leaves behind (on one machine; none of them proves anything about a loss of power):

- `kill` (SIGKILL): no last words. Writes that returned are in the kernel's page cache and are there after `start`;
  requests in flight are unknown to their clients. Clients see the connection close.
- `stop` (SIGTERM): the part ends as it would in an upgrade.
- `pause` (SIGSTOP): the kernel still accepts connections for it, and nothing is ever answered: a client without a
  time-out waits for ever. Its timers have run out when it is resumed.
"""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import time

from cache import Failure


class Process:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.record = self.directory / "process"
        self.log = self.directory / "log"

    def start(self, command, environment=None):
        """Starts `command` unless it runs. Its environment is clean: nothing of the caller's settings reaches it."""
        if self.pid():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        clean = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.directory), "LC_ALL": "C.UTF-8"}
        with open(self.log, "ab") as log:
            subprocess.Popen(
                [str(word) for word in command], cwd=self.directory, env=clean | (environment or {}),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=self._write_record,
            )

    def kill(self):
        self._end(signal.SIGKILL, 30)

    def stop(self):
        with self._opened() as descriptor:
            if descriptor is not None:
                signal.pidfd_send_signal(descriptor, signal.SIGCONT)
        self._end(signal.SIGTERM, 120)

    def pause(self):
        """Returns when every thread stands still."""
        self._send(signal.SIGSTOP)
        while (pid := self.pid()) and not _stands_still(pid):
            time.sleep(0.002)

    def resume(self):
        self._send(signal.SIGCONT)

    def pid(self):
        """The pid of our living process, or None."""
        try:
            pid, started = self.record.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _started(int(pid)) == started else None

    def state(self):
        """`running`, `paused` or `dead`."""
        pid = self.pid()
        return "dead" if pid is None else "paused" if _stands_still(pid) else "running"

    def memory(self):
        """Resident memory in MiB."""
        try:
            text = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
            return int(text.split("VmRSS:")[1].split()[0]) // 1024
        except (OSError, IndexError, ValueError):
            return 0

    def tail(self, lines=25):
        try:
            return "".join(self.log.open(errors="replace").readlines()[-lines:])
        except OSError:
            return ""

    def _write_record(self):
        # Between fork and exec; exec keeps pid and start time.
        unfinished = self.record.with_suffix(".unfinished")
        unfinished.write_text(f"{os.getpid()} {_started(os.getpid())}\n")
        unfinished.rename(self.record)

    @contextlib.contextmanager
    def _opened(self):
        pid, descriptor = self.pid(), None
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
        try:
            # Only now does a look at the start time hold: from here on the descriptor can't come to mean another process.
            yield descriptor if descriptor is not None and self.pid() == pid else None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _send(self, number):
        with self._opened() as descriptor:
            if descriptor is None:
                raise Failure(f"{self.directory}: not running")
            signal.pidfd_send_signal(descriptor, number)

    def _end(self, number, seconds):
        """Sends the signal and waits until the process is gone; a process that was gone already is as good."""
        with self._opened() as descriptor:
            if descriptor is None:
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if not wait_for_end(descriptor, seconds):
                raise Failure(f"{self.directory}: still there {seconds} s after {signal.Signals(number).name}")


def wait_for_end(descriptor, seconds=None):
    """Whether the process behind a pidfd has ended, within `seconds` or ever."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def _stat(path):
    # The name of the program stands in parentheses and may hold anything, so: what follows the last one.
    return pathlib.Path(path).read_text().rpartition(")")[2].split()


def _started(pid):
    """When `pid` was started, in ticks since boot; None for one that has ended, reaped or not."""
    try:
        fields = _stat(f"/proc/{pid}/stat")
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _stands_still(pid):
    try:
        return all(_stat(task / "stat")[0] in "tT" for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False

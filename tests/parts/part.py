"""What all parts have in common: nodes that are processes, a state file, and how a command waits until a part is ready.

A part lives in `RUN/<its name>`. `state.json` there is written once its configuration stands, and holds what `up` was asked
for and which ports it got. A crash before that leaves a directory without it, which the next `up` removes. What a part
stores is kept until somebody deletes the directory; `up` after `down` goes on with it.
"""

import abc
import json
import shutil
import time

import ports
from cache import Failure
from process import Process

PATIENCE = 180  # seconds; three brokers on a busy machine of two cores take 30 at most


class Part(abc.ABC):
    name: str

    def __init__(self, run):
        self.run = run
        self.directory = run / self.name
        file = self.directory / "state.json"
        self.saved = json.loads(file.read_text()) if file.exists() else None

    # What each part has to say.

    @abc.abstractmethod
    def prepare(self):
        """Fetches or builds what the part needs; quick when it is there."""

    @abc.abstractmethod
    def configure(self, options):
        """Writes the part's configuration into its empty directory; the result is kept as `state`."""

    @abc.abstractmethod
    def command(self, node):
        """The command line of a node."""

    @abc.abstractmethod
    def ready(self, node):
        """Whether a running node does its work now: asked over its own protocol, never guessed from its log."""

    @abc.abstractmethod
    def variables(self):
        """The KEY=value lines that a client needs."""

    def nodes(self):
        return [1]

    def environment(self):
        return {}

    def before_start(self):
        """What must be so before a node starts and may have got lost since: a mount, say."""

    def after_down(self):
        """Undoes `before_start`."""

    # What the commands do.

    @property
    def state(self):
        if self.saved is None:
            raise Failure(f"{self.name} is not up in {self.run}: `parts up {self.name} --dir {self.run}`")
        return self.saved["state"]

    def up(self, options):
        """Starts what does not run yet. A second `up` with other options is refused: it would not get what it asks for."""
        if self.saved is None:
            self.prepare()
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            self._save(options, self.configure(options))
        elif self.saved["options"] != options:
            raise Failure(f"{self.name} is in {self.run} with other options ({self.saved['options']}): take another --dir")
        self.start(self.nodes())

    def start(self, nodes):
        """Starts those of `nodes` that don't run and waits for all of them. A failure ends what this call has started."""
        fresh = [node for node in nodes if self.process(node).pid() is None]
        try:
            self.before_start()
            for node in fresh:
                self.process(node).start(self.command(node), self.environment())
            self.wait(nodes)
        except BaseException:
            for node in fresh:
                self.process(node).kill()
            if not self.running():
                self.after_down()
            raise

    def wait(self, nodes):
        """Until all of `nodes` are ready; a node that ended, or that takes too long, is a failure with the end of its log."""
        end = time.monotonic() + PATIENCE
        for node in nodes:
            process = self.process(node)
            while not self._answers(node):
                if process.pid() is None or time.monotonic() > end:
                    how = "has ended" if process.pid() is None else f"is {process.state()} but not ready"
                    raise Failure(f"{self.name}:{node} {how}; its log {process.log} ends with\n{process.tail()}")
                time.sleep(0.05)

    def process(self, node):
        return Process(self.directory)

    def down(self):
        """Kills every node; what it stored stays. (An ordered stop is `stop`: three brokers take long over it.)"""
        if self.saved is not None:
            for node in self.nodes():
                self.process(node).kill()
            self.after_down()

    def running(self):
        """The nodes that could answer: neither dead nor paused."""
        return [node for node in self.nodes() if self.process(node).state() == "running"]

    def chosen(self, which):
        """The nodes that `:N`, `:all` or nothing means."""
        self.state  # refuses a part that is not up
        if which in ("", "all"):
            return self.nodes()
        if which.isdecimal() and int(which) in self.nodes():
            return [int(which)]
        raise Failure(f"{self.name} has no node {which}, only {', '.join(map(str, self.nodes()))}")

    def reserve(self, count):
        return ports.reserve(self.directory, count)

    def _answers(self, node):
        try:
            return self.ready(node)
        except (OSError, EOFError):
            return False

    def _save(self, options, state):
        self.saved = {"options": options, "state": state}
        unfinished = self.directory / "state.json.unfinished"
        unfinished.write_text(json.dumps(self.saved, indent=1))
        unfinished.rename(self.directory / "state.json")

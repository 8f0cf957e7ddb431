"""Apache Kafka: KRaft nodes that are broker and controller in one, three unless told otherwise.

Every way of getting in is a listener of its own, so one cluster serves a test of each: CLEAR (plaintext; the brokers among
themselves and this tool use it), TLS, SCRAM (SASL over TLS; SCRAM-SHA-512, and PLAIN with the same user), MTLS (a client
certificate is demanded), PROXIED (plaintext; it advertises the addresses of Toxiproxy's `kafka-1`, `kafka-2`, …).

Replication factor 3 and two in-sync replicas where there are three nodes; topics are not made by themselves; no leader is
elected that lacks committed records. What it does not prove: durability against a loss of power, since brokers don't sync
each record. `kill` of the leader: another node leads after the session's four seconds; of all nodes: everything that was
acknowledged is there after `start kafka`; below two of three nothing can be written, and a started node is not waited for.
"""

import base64
import shutil
import subprocess
import time
import uuid

import certificates
import java
import ports
import wire
from cache import Failure, say
from part import PATIENCE, Part
from process import Process
from toxiproxy import Toxiproxy

USER, PASSWORD = "sealtrail", "sealtrail-test-only"
MODULES = "org.apache.kafka.common.security"
SECURITY = dict.fromkeys(("CONTROLLER", "CLEAR", "PROXIED"), "PLAINTEXT") | {"TLS": "SSL", "MTLS": "SSL", "SCRAM": "SASL_SSL"}

OPTIONAL = {"TLS": "tls", "SCRAM": "scram", "MTLS": "mtls", "PROXIED": "proxy"}  # the options of `up` that add them
DEFAULTS = {"brokers": 3} | dict.fromkeys(OPTIONAL.values(), False)

# How one node is like on a test machine: quick to fail over, small, and as strict as in earnest.
SETTINGS = """\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLEAR
auto.create.topics.enable=false
unclean.leader.election.enable=false
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=1000
controller.quorum.election.backoff.max.ms=500
controller.quorum.fetch.timeout.ms=2000
replica.lag.time.max.ms=5000
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
share.coordinator.state.topic.num.partitions=1
log.segment.bytes=67108864
metadata.log.segment.bytes=8388608
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=2097152
"""


class Kafka(Part):
    name = "kafka"

    def prepare(self):
        java.recorded_classes(_record_classes)

    def nodes(self):
        return list(range(1, self.saved["options"]["brokers"] + 1)) if self.saved else []

    def configure(self, options):
        nodes = list(range(1, options["brokers"] + 1))
        names = ["CONTROLLER", "CLEAR"] + [name for name, option in OPTIONAL.items() if options[option]]
        found = iter(self.reserve(len(nodes) * (len(names) + 1)))
        state = {
            # 16 bytes as Kafka writes them; the first is fixed, since an id that starts with `-` looks like an option.
            "cluster": base64.urlsafe_b64encode(b"s" + uuid.uuid4().bytes[1:]).decode().rstrip("="),
            "listeners": {str(node): {name: next(found) for name in names} for node in nodes},
            # Where Toxiproxy listens for each node: what its PROXIED listener advertises.
            "proxies": {str(node): next(found) for node in nodes},
        }
        if SECURITY.keys() & {"TLS", "SCRAM", "MTLS"} & set(names):
            certificates.make(self.run)
        for node in nodes:
            self._properties(node).parent.mkdir()
            self._properties(node).write_text(SETTINGS + self._settings(node, nodes, state))
        self._format(nodes, state["cluster"])
        return state

    def _settings(self, node, nodes, state):
        """The settings of one node that come from the options and the ports."""
        listeners, copies, least = state["listeners"][str(node)], min(3, len(nodes)), min(2, len(nodes))
        advertised = {name: port for name, port in listeners.items() if name != "CONTROLLER"}
        if "PROXIED" in listeners:
            advertised["PROXIED"] = state["proxies"][str(node)]
        found = {
            "node.id": node,
            "controller.quorum.voters": ",".join(
                f"{each}@{ports.HOST}:{state['listeners'][str(each)]['CONTROLLER']}" for each in nodes),
            "listeners": _addresses(listeners),
            "advertised.listeners": _addresses(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:{SECURITY[name]}" for name in listeners),
            "log.dirs": self.directory / f"node{node}/data",
            "default.replication.factor": copies,
            "min.insync.replicas": least,
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            found[f"{topic}.replication.factor"] = copies
        for topic in ("transaction.state.log", "share.coordinator.state.topic"):
            found[f"{topic}.min.isr"] = least
        if any("SSL" in SECURITY[name] for name in listeners):
            kept = self.run / "certificates"
            found |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": kept / "keystore.pem",
                      "ssl.truststore.type": "PEM", "ssl.truststore.location": kept / "ca.pem"}
        if "MTLS" in listeners:
            found["listener.name.mtls.ssl.client.auth"] = "required"
        if "SCRAM" in listeners:
            found |= {
                "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
                "listener.name.scram.scram-sha-512.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
                "listener.name.scram.plain.sasl.jaas.config":
                    f'{MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
            }
        return "".join(f"{key}={value}\n" for key, value in found.items())

    def _format(self, nodes, cluster):
        """Kafka's own tool makes the empty logs, all nodes at once; the SCRAM user is their first record."""
        user = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        tools = []
        for node in nodes:
            words = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, *user, "--config", self._properties(node)]
            command = [str(word) for word in java.command(*words)]
            tools.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        for node, tool in zip(nodes, tools):
            said = tool.communicate()[0]
            if tool.returncode:
                raise Failure(f"kafka:{node} could not be formatted:\n{said[-4000:]}")

    def up(self, options):
        if options["proxy"]:
            proxy = Toxiproxy(self.run)
            proxy.up({})
        super().up(options)
        if options["proxy"]:
            proxy.add({f"kafka-{node}": pair for node, pair in self._proxies().items()})

    def command(self, node):
        return java.command("kafka.Kafka", self._properties(node))

    def process(self, node):
        return Process(self._properties(node).parent)

    def wait(self, nodes):
        if len(self.running()) * 2 > len(self.nodes()):
            super().wait(nodes)
        else:
            say("kafka: too few nodes run to elect a controller, so none can become ready")

    def ready(self, node):
        seen = wire.metadata(self._address(node))
        return seen.controller >= 0 and set(self.running()) <= seen.brokers

    def variables(self):
        found = {"KAFKA_BOOTSTRAP": self._bootstrap("CLEAR")}
        for name in ("TLS", "SCRAM", "MTLS"):
            if name in self.state["listeners"]["1"]:
                found[f"KAFKA_BOOTSTRAP_{name}"] = self._bootstrap(name)
        kept = self.run / "certificates"
        if len(found) > 1:
            found["KAFKA_CA_FILE"] = kept / "ca.pem"
        if "KAFKA_BOOTSTRAP_MTLS" in found:
            found |= {"KAFKA_CERT_FILE": kept / "client.pem", "KAFKA_KEY_FILE": kept / "client.key"}
        if "KAFKA_BOOTSTRAP_SCRAM" in found:
            found |= {"KAFKA_USER": USER, "KAFKA_PASSWORD": PASSWORD}
        if "PROXIED" in self.state["listeners"]["1"]:
            found["KAFKA_BOOTSTRAP_PROXIED"] = ",".join(listen for listen, _ in self._proxies().values())
            found |= Toxiproxy(self.run).variables()
            found["KAFKA_PROXY_MAP"] = ",".join(f"{listen}>{upstream}" for listen, upstream in self._proxies().values())
        return found

    def make_topic(self, name, partitions, replication, settings):
        """Creates a topic and waits until every running node knows a leader for each partition."""
        wire.create_topic(self._any(), name, partitions, replication, settings)
        self.until(lambda seen: len(seen.topics.get(name, {})) == partitions
                   and all(partition.leader >= 0 for partition in seen.topics[name].values()), f"the topic {name}")

    def leader(self, topic, partition):
        try:
            return wire.metadata(self._any()).topics[topic][partition].leader
        except KeyError:
            raise Failure(f"there is no partition {partition} of a topic {topic}") from None

    def partitions(self):
        """Lines about the state of every partition, as one node knows it; none if no node answers."""
        try:
            topics = wire.metadata(self._any()).topics
        except Failure as failure:
            return say(failure)
        for name in sorted(topics):
            for number, partition in sorted(topics[name].items()):
                yield f"{name} {number}: leader {partition.leader}, replicas {partition.replicas}, in sync {partition.in_sync}"

    def until(self, condition, what):
        """Until every running node sees a cluster that satisfies `condition`."""
        end = time.monotonic() + PATIENCE
        while not all(self._sees(node, condition) for node in self.running()):
            if time.monotonic() > end:
                raise Failure(f"{what} is not known to all nodes: `parts status --dir {self.run}`")
            time.sleep(0.05)

    def _sees(self, node, condition):
        try:
            return condition(wire.metadata(self._address(node)))
        except (OSError, EOFError):
            return False

    def _any(self):
        """The address of a node that answers."""
        for node in self.chosen("all"):
            # A paused node would cost the whole time-out.
            if node in self.running() and self._sees(node, lambda _: True):
                return self._address(node)
        raise Failure("kafka: no node answers")

    def _properties(self, node):
        return self.directory / f"node{node}/server.properties"

    def _address(self, node):
        return ports.HOST, self.state["listeners"][str(node)]["CLEAR"]

    def _bootstrap(self, listener):
        return ",".join(f"{ports.HOST}:{self.state['listeners'][str(node)][listener]}" for node in self.nodes())

    def _proxies(self):
        """For each node where Toxiproxy listens and where it goes to."""
        listen, upstream = self.state["proxies"], self.state["listeners"]
        return {node: (f"{ports.HOST}:{listen[str(node)]}", f"{ports.HOST}:{upstream[str(node)]['PROXIED']}")
                for node in self.nodes()}


def _addresses(listeners):
    return ",".join(f"{name}://{ports.HOST}:{port}" for name, port in listeners.items())


class _Rehearsal(Kafka):
    """One node whose JVM writes down at its end which classes it loaded."""

    def prepare(self):
        java.jars()

    def command(self, node):
        return java.command("kafka.Kafka", self._properties(node), record=self.run.parent / "classes.jsa")


def _record_classes(directory):
    say("recording the classes that Kafka loads")
    rehearsal = _Rehearsal(directory / "run")
    try:
        rehearsal.up(DEFAULTS | {"brokers": 1})
        rehearsal.process(1).stop()
    finally:
        rehearsal.down()
    shutil.rmtree(directory / "run")

"""As much of Kafka's protocol as telling the state of a cluster takes, so that asking costs no JVM.

Two requests over a plaintext listener, in the versions that Kafka 4 still speaks without tagged fields: Metadata 4 and
CreateTopics 4. Layouts: https://kafka.apache.org/protocol
"""

import dataclasses
import socket
import struct

from cache import Failure

METADATA, CREATE_TOPICS = 3, 19
VERSION = 4
TOPIC_EXISTS = 36


@dataclasses.dataclass
class Partition:
    leader: int
    replicas: list
    in_sync: list


@dataclasses.dataclass
class Cluster:
    """What one broker knows. `topics` maps a name to its partitions by number."""

    brokers: set
    controller: int
    topics: dict


def metadata(address):
    """The cluster as the broker at `address` sees it, all topics included."""
    answer = _call(address, METADATA, struct.pack(">i?", -1, False), seconds=5)
    answer.number("i")  # throttle time
    brokers = set()
    for _ in range(answer.number("i")):
        brokers.add(answer.number("i"))
        answer.text(), answer.number("i"), answer.text()  # host, port, rack
    answer.text()  # cluster id
    controller = answer.number("i")
    topics = {}
    for _ in range(answer.number("i")):
        answer.number("h")  # error
        name = answer.text()
        answer.number("?")  # internal
        topics[name] = {}
        for _ in range(answer.number("i")):
            answer.number("h")  # error: no leader, say, which the leader's number tells too
            number = answer.number("i")
            topics[name][number] = Partition(answer.number("i"), answer.numbers(), answer.numbers())
    return Cluster(brokers, controller, topics)


def create_topic(address, name, partitions, replication, settings):
    """Creates a topic; whether it is new."""
    body = struct.pack(">i", 1) + _text(name) + struct.pack(">ihi", partitions, replication, 0)
    body += struct.pack(">i", len(settings)) + b"".join(_text(key) + _text(value) for key, value in settings.items())
    answer = _call(address, CREATE_TOPICS, body + struct.pack(">i?", 30_000, False), seconds=35)
    answer.number("i"), answer.number("i"), answer.text()  # throttle time, one topic, its name
    error, reason = answer.number("h"), answer.text()
    if error not in (0, TOPIC_EXISTS):
        raise Failure(f"the topic {name} could not be made: error {error}: {reason}")
    return error == 0


class _Answer:
    def __init__(self, data):
        self.data, self.place = data, 0

    def number(self, kind):
        [value] = struct.unpack_from(">" + kind, self.data, self.place)
        self.place += struct.calcsize(">" + kind)
        return value

    def numbers(self):
        return [self.number("i") for _ in range(self.number("i"))]

    def text(self):
        length = self.number("h")
        if length < 0:
            return None
        self.place += length
        return self.data[self.place - length:self.place].decode()


def _call(address, request, body, seconds):
    message = struct.pack(">hhi", request, VERSION, 0) + _text("tests-parts") + body
    with socket.create_connection(address, seconds) as connection:
        connection.sendall(struct.pack(">i", len(message)) + message)
        with connection.makefile("rb") as stream:
            [length] = struct.unpack(">i", _exactly(stream, 4))
            return _Answer(_exactly(stream, length)[4:])  # behind the correlation id


def _exactly(stream, length):
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the broker closed the connection")
    return data


def _text(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data

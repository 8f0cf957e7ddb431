#!/usr/bin/env python3
"""What the tests rely on in `parts`, proved on the parts themselves: `selftest.py [Class[.test]]`.

Readiness, each fault and the way back, runs side by side, and that no process of a stranger is ever hit.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

import cache
import moto
import ports
import process
import s3
import wire

PARTS = pathlib.Path(__file__).parent / "parts"


class Run:
    """A directory of its own, ended and removed with the test."""

    def __init__(self, test):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sealtrail-parts-"))
        test.addCleanup(self._remove)

    def parts(self, *words, status=0):
        """Runs one command in this run; what it printed on stdout, or on stderr where it is to fail."""
        ended = subprocess.run([PARTS, *map(str, words), "--dir", self.directory], capture_output=True, text=True)
        if ended.returncode != status:
            raise AssertionError(f"{words}: exit {ended.returncode} instead of {status}\n{ended.stderr}")
        return ended.stderr if status else ended.stdout

    def up(self, *words):
        return dict(line.split("=", 1) for line in self.parts("up", *words, "--parent", os.getpid()).splitlines())

    def states(self):
        """The state of each process, such as {"kafka:1": "running"}."""
        lines = (line.replace(",", "").split() for line in self.parts("status").splitlines() if ":" in line.split()[0])
        return {words[0]: words[1] for words in lines}

    def _remove(self):
        self.parts("down")
        subprocess.run(["rm", "-rf", self.directory], check=True)


class Kafka(unittest.TestCase):
    def test_nodes_come_back_from_every_fault(self):
        run = Run(self)
        run.up("kafka")
        run.parts("topic", "audit", "--partitions", 2, "--set", "retention.ms=-1")
        first = run.parts("leader", "audit", 0).strip()

        run.parts("kill", f"kafka:{first}")
        self.assertEqual(run.states()[f"kafka:{first}"], "dead")
        until(lambda: run.parts("leader", "audit", 0).strip() not in (first, "-1"), "another leader")
        run.parts("start", f"kafka:{first}")

        second = run.parts("leader", "audit", 0).strip()
        run.parts("pause", f"kafka:{second}")
        self.assertEqual(run.states()[f"kafka:{second}"], "paused")
        until(lambda: run.parts("leader", "audit", 0).strip() not in (second, "-1"), "another leader")
        run.parts("resume", f"kafka:{second}")
        self.assertEqual(run.states()[f"kafka:{second}"], "running")

        run.parts("stop", f"kafka:{second}")
        self.assertEqual(run.states()[f"kafka:{second}"], "dead")
        run.parts("kill", "kafka:all")
        run.parts("start", "kafka:all")
        self.assertEqual(set(run.states().values()), {"running"})
        until(lambda: "leader -1" not in run.parts("status"), "leaders of both partitions")

    def test_each_listener_lets_in_whom_it_should(self):
        run = Run(self)
        found = run.up("kafka", "--brokers", 1, "--tls", "--scram", "--mtls", "--proxy")
        trust = ssl.create_default_context(cafile=found["KAFKA_CA_FILE"])
        for listener in ("KAFKA_BOOTSTRAP_TLS", "KAFKA_BOOTSTRAP_SCRAM"):
            self.assertTrue(handshake(found[listener], trust))
        self.assertFalse(handshake(found["KAFKA_BOOTSTRAP_TLS"], ssl.create_default_context()), "an unknown authority")
        self.assertFalse(handshake(found["KAFKA_BOOTSTRAP_MTLS"], trust), "no client certificate")
        trust.load_cert_chain(found["KAFKA_CERT_FILE"], found["KAFKA_KEY_FILE"])
        self.assertTrue(handshake(found["KAFKA_BOOTSTRAP_MTLS"], trust))

        for mechanism, module in (("SCRAM-SHA-512", "scram.Scram"), ("PLAIN", "plain.Plain")):
            self.assertTrue(logs_in(run, found, mechanism, module, found["KAFKA_PASSWORD"]))
            self.assertFalse(logs_in(run, found, mechanism, module, "wrong"))

        proxied = address(found["KAFKA_BOOTSTRAP_PROXIED"])
        self.assertEqual(wire.metadata(proxied).brokers, {1})
        run.parts("kill", "toxiproxy")
        with self.assertRaises(OSError):
            wire.metadata(proxied)
        run.parts("kill", "kafka:1")
        run.parts("start", "kafka:1")
        run.parts("start", "toxiproxy")
        self.assertEqual(wire.metadata(proxied).brokers, {1}, "its proxies are back")


class S3(unittest.TestCase):
    def test_minio(self):
        self.comes_back_with_its_buckets("minio", "--tls", "--kms")

    def test_versitygw(self):
        self.comes_back_with_its_buckets("versitygw")

    def comes_back_with_its_buckets(self, part, *options):
        run = Run(self)
        found = run.up(part, *options)
        client = s3.Client(found["S3_ENDPOINT"], found.get("S3_CA_FILE"))
        run.parts("bucket", "locked", "--part", part)
        run.parts("bucket", "locked", "--part", part)
        run.parts("bucket", "kept", "--part", part, "--retention-days", 30)
        run.parts("bucket", "plain", "--part", part, "--no-lock")
        self.assertNotIn("Days", client.request("GET", "/locked", "object-lock=")[1])
        self.assertIn("<Days>30</Days>", client.request("GET", "/kept", "object-lock=")[1])
        self.assertEqual(client.request("GET", "/plain", "object-lock=")[0], 404)
        self.assertEqual(client.request("PUT", "/locked/a%20b", body="kept")[0], 200)

        run.parts("kill", part)
        self.assertEqual(run.states(), {f"{part}:1": "dead"})
        with self.assertRaises(OSError):
            client.request("GET", "/locked/a%20b")
        run.parts("start", part)
        self.assertEqual(client.request("GET", "/locked/a%20b"), (200, "kept"))

        run.parts("pause", part)
        socket.create_connection(address(found["S3_ENDPOINT"].split("//")[1]), 5).close()  # the kernel still accepts
        self.assertEqual(run.states(), {f"{part}:1": "paused"})
        run.parts("resume", part)
        self.assertEqual(client.request("GET", "/locked/a%20b"), (200, "kept"))

        run.parts("stop", part)
        self.assertEqual(run.up(part, *options), found, "`up` goes on with what is there")
        self.assertEqual(client.request("GET", "/locked/a%20b"), (200, "kept"))

    @unittest.skipUnless(os.geteuid() == 0, "only root mounts")
    def test_a_full_disk(self):
        run = Run(self)
        found = run.up("minio", "--size", "100m")
        client = s3.Client(found["S3_ENDPOINT"])
        run.parts("bucket", "small", "--part", "minio")
        statuses = [client.request("PUT", f"/small/{number}", body="x" * 8_000_000)[0] for number in range(16)]
        self.assertIn(200, statuses)
        self.assertGreaterEqual(max(statuses), 500)
        run.parts("down")
        self.assertFalse(os.path.ismount(run.directory / "minio/data"))


class Moto(unittest.TestCase):
    def test_it_lets_in_known_users_and_lets_them_do_what_they_may(self):
        run = Run(self)
        found = run.up("moto")
        user = lambda *words: dict(line.split("=", 1) for line in run.parts("user", *words).splitlines())
        may, may_not = user("one", "--may", "kms:CreateKey"), user("two", "--may", "kms:Decrypt")
        self.assertIsNone(makes_key(found, found), "before")
        run.parts("enforce")
        self.assertIsNone(makes_key(found, may))
        self.assertIn("403", makes_key(found, may_not))
        self.assertIn("403", makes_key(found, found), "a stranger")
        self.assertIn("403", makes_key(found, may | {"KMS_SECRET_KEY": "wrong"}))


class SideBySide(unittest.TestCase):
    def test_runs_that_start_at_once_share_nothing(self):
        runs = [Run(self) for _ in range(3)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda run: run.up("toxiproxy") | run.up("versitygw"), runs))
        self.assertEqual(len({each[key] for each in found for key in ("TOXIPROXY", "S3_ENDPOINT")}), 6)
        runs[0].parts("down")
        self.assertEqual(set(runs[0].states().values()), {"dead"})
        for run in runs[1:]:
            self.assertEqual(run.states(), {"toxiproxy:1": "running", "versitygw:1": "running"})

    def test_a_port_is_kept_while_its_owner_has_a_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            owner = pathlib.Path(directory) / "kafka"
            owner.mkdir()
            mine = set(ports.reserve(owner, 20))
            self.assertTrue(mine <= set(ports.candidates()))
            low, high = map(int, ports.EPHEMERAL.read_text().split())
            self.assertFalse(mine & set(range(low, high + 1)))
            other = pathlib.Path(directory) / "other"
            other.mkdir()
            self.assertFalse(mine & set(ports.reserve(other, 500)))


class Safety(unittest.TestCase):
    def test_parts_end_with_the_process_they_were_started_for(self):
        run = Run(self)
        parent = subprocess.Popen(["sleep", "600"])
        run.parts("up", "toxiproxy", "--parent", parent.pid)
        parent.kill()
        parent.wait()
        until(lambda: run.states() == {"toxiproxy:1": "dead"}, "the watcher")

    def test_a_stranger_with_the_same_pid_is_never_hit(self):
        stranger = subprocess.Popen(["sleep", "600"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        with tempfile.TemporaryDirectory() as directory:
            of = process.Process(directory)
            of.record.write_text(f"{stranger.pid} 12345\n")
            self.assertEqual(of.state(), "dead")
            of.kill()
            of.stop()
            with self.assertRaises(cache.Failure):
                of.pause()
            self.assertIsNone(stranger.poll())

    def test_a_part_that_cannot_start_says_why(self):
        run = Run(self)
        found = run.up("toxiproxy")
        run.parts("kill", "toxiproxy")
        with socket.create_server(address(found["TOXIPROXY"])):
            self.assertIn("address already in use", run.parts("start", "toxiproxy", status=1))
        run.parts("start", "toxiproxy")

    def test_a_dead_part_is_a_failure_and_no_crash(self):
        run = Run(self)
        run.up("versitygw")
        run.parts("kill", "versitygw")
        self.assertIn("refused", run.parts("bucket", "some", "--part", "versitygw", status=1))
        self.assertIn("not running", run.parts("pause", "versitygw", status=1))
        self.assertIn("not up", run.parts("leader", "audit", 0, status=1))

    def test_other_options_are_refused_and_harm_nothing(self):
        run = Run(self)
        run.up("versitygw")
        run.up("kafka", "--brokers", 1)
        run.parts("up", "kafka", "--brokers", 1, "--tls", status=1)
        self.assertEqual(run.states()["kafka:1"], "running")
        run.parts("kill", "kafka:4", status=1)

    def test_what_a_dead_maker_left_is_made_again(self):
        with tempfile.TemporaryDirectory() as directory, environment(SEALTRAIL_CACHE=directory):
            with self.assertRaises(KeyboardInterrupt):
                cache.entry("thing/1", interrupted)
            self.assertFalse((cache.root() / "thing/1").exists())
            made = cache.entry("thing/1", lambda place: (place / "whole").touch())
            self.assertEqual([file.name for file in made.iterdir()], ["whole"])
            cache.entry("thing/1", interrupted)

    def test_of_two_makers_one_waits(self):
        makers = []

        def make(place):
            makers.append(place)
            time.sleep(0.2)  # long enough for the others to arrive; the test holds if they don't

        with tempfile.TemporaryDirectory() as directory, environment(SEALTRAIL_CACHE=directory):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: cache.entry("thing/1", make), range(4)))
        self.assertEqual(len(makers), 1)


def interrupted(place):
    (place / "half").touch()
    raise KeyboardInterrupt


def handshake(listener, context):
    """Whether the listener and a client of that context take each other; TLS 1.3 tells the client only when it reads."""
    try:
        with (socket.create_connection(address(listener), 10) as plain,
              context.wrap_socket(plain, server_hostname="127.0.0.1") as secure):
            secure.settimeout(1)
            with contextlib.suppress(TimeoutError):
                return secure.recv(1) != b""
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def logs_in(run, found, mechanism, module, password):
    """Whether a broker takes that password, asked with a program of Kafka's own."""
    settings = run.directory / "client.properties"
    settings.write_text(
        f"security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={found['KAFKA_CA_FILE']}\n"
        f"sasl.mechanism={mechanism}\nsasl.jaas.config=org.apache.kafka.common.security.{module}LoginModule required "
        f'username="{found["KAFKA_USER"]}" password="{password}";\n')
    asked = subprocess.run(
        [PARTS, "tool", "org.apache.kafka.tools.BrokerApiVersionsCommand", "--command-config", settings,
         "--bootstrap-server", found["KAFKA_BOOTSTRAP_SCRAM"]], capture_output=True, text=True)
    if asked.returncode and "SaslAuthenticationException" not in asked.stdout + asked.stderr:
        raise AssertionError(asked.stdout + asked.stderr)
    return asked.returncode == 0


def makes_key(found, credentials):
    """What hinders these credentials from making a key of KMS, asked with AWS's own library; None where nothing does."""
    asked = (f"import boto3; boto3.client('kms', region_name={found['KMS_REGION']!r}, endpoint_url={found['KMS_ENDPOINT']!r}, "
             f"aws_access_key_id={credentials['KMS_ACCESS_KEY']!r}, aws_secret_access_key={credentials['KMS_SECRET_KEY']!r}"
             ").create_key()")
    ended = subprocess.run([moto.python(), "-c", asked], capture_output=True, text=True)
    return ended.stderr if ended.returncode else None


def address(text):
    host, port = text.split(",")[0].rsplit(":", 1)
    return host, int(port)


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come in {seconds} s")
        time.sleep(0.2)


@contextlib.contextmanager
def environment(**variables):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    # A run that is ended by a signal cleans up too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unittest.main(verbosity=2)

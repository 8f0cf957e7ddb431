"""Kafka's jars and the Java virtual machine that runs them.

The jars come from Maven Central with their checksums compared. A class-data archive, which the JVM writes at the end of a
run, makes the next starts cheaper. It holds for one Java and one list of jars; a JVM that finds it unfit goes on without.
"""

import hashlib
import pathlib

import cache
import toolchain
from cache import VERSIONS, say

HERE = pathlib.Path(__file__).parent
POM = HERE / "kafka.pom.xml"
# A small heap and cheap compilation: a broker here lives minutes and carries little.
MACHINE = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true"]


def jars():
    """The directory of Kafka's jars, fetched at the first call."""
    return cache.entry(_name(), _fetch)


def recorded_classes(record):
    """The class-data archive; `record(directory)` makes `classes.jsa` if it is not there yet."""
    jars()
    return cache.entry(_classes(), record) / "classes.jsa"


def command(main, *arguments, record=None):
    """The command line of a Java program of Kafka's. With `record` it writes the class-data archive when it ends."""
    archive = cache.root() / _classes() / "classes.jsa"
    if record:
        sharing = [f"-XX:ArchiveClassesAtExit={record}"]
    else:
        sharing = ["-Xshare:auto", f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    # An archive fits only a class path that is written out, in one order.
    path = ":".join(map(str, sorted(jars().glob("*.jar"))))
    settings = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return [toolchain.java(), *MACHINE, *sharing, settings, "-cp", path, main, *arguments]


def _fetch(directory):
    kafka, plugin = VERSIONS["kafka"], VERSIONS["maven"]["dependency_plugin"]
    say(f"fetching Kafka {kafka['version']}")
    toolchain.run([
        toolchain.maven(), "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file", POM,
        f"org.apache.maven.plugins:maven-dependency-plugin:{plugin}:copy-dependencies",
        "-DincludeScope=runtime", f"-DoutputDirectory={directory}",
        f"-Dkafka.version={kafka['version']}", f"-Dscala.version={kafka['scala']}", f"-Dlog4j.version={kafka['log4j']}",
    ])


def _name():
    return f"kafka/{VERSIONS['kafka']['version']}-{_digest(POM.read_bytes(), repr(VERSIONS['kafka']).encode())}"


def _classes():
    java = pathlib.Path(toolchain.java()).resolve()
    return f"{_name()}-classes-{_digest(str(java).encode(), str(java.stat().st_mtime_ns).encode())}"


def _digest(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]

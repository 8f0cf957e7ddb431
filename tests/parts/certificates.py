"""A certificate authority for one run, with a server certificate for loopback and a client certificate, by the openssl tool.

All parts of a run share it. The keys are worth nothing outside the run and are not protected.
"""

import shutil

import toolchain

EXTENSIONS = """\
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:client
[req]
distinguished_name = name
[name]
"""


def make(run):
    """`RUN/certificates` with ca.pem, server.pem, client.pem and their .key (PKCS#8); made at the first call."""
    directory = run / "certificates"
    if not directory.exists():
        unfinished = run / ".certificates.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        (unfinished / "extensions.cnf").write_text(EXTENSIONS)
        _openssl(unfinished, *_request("ca", "Sealtrail test authority"), "-x509", "-days", "30", "-extensions", "authority",
                 "-out", "ca.pem")
        for name in ("server", "client"):
            _openssl(unfinished, *_request(name, f"sealtrail test {name}"), "-out", f"{name}.request")
            _openssl(unfinished, "x509", "-req", "-in", f"{name}.request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", "30", "-extfile", "extensions.cnf", "-extensions", name, "-out", f"{name}.pem")
        # Kafka reads key and chain from one file.
        parts = ("server.key", "server.pem", "ca.pem")
        (unfinished / "keystore.pem").write_text("".join((unfinished / part).read_text() for part in parts))
        unfinished.rename(directory)
    return directory


def _request(name, subject):
    return ("req", "-config", "extensions.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={subject}", "-keyout", f"{name}.key")


def _openssl(directory, *arguments):
    toolchain.run([toolchain.openssl(), *arguments], cwd=directory)

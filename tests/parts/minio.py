"""MinIO: the main S3 server of the tests, with Object Lock, conditional PUT, checksums, and encryption where `--kms` gives
it a key (SSE-S3 needs one too).

What it does not prove: AWS's storage classes, or AWS's error codes (a refused delete is 400 here and 403 there); for the
latter the archive's tests run on versitygw too. `kill` loses no acknowledged object; a PUT in flight is there or not, and
its client must look. A full disk (`--size`) is answered with 500 while reads and health go on.
"""

import base64
import os
import shutil

import certificates
import go
import ports
import s3
import toolchain
from cache import Failure
from part import Part

KEY_NAME = "sealtrail-test"
KEY = base64.b64encode(b"sealtrail's test key of 32 bytes").decode()


class MinIO(Part):
    name = "minio"

    def prepare(self):
        go.program(self.name)

    def configure(self, options):
        # Always a directory of our own: without one the server would take the certificates of whoever runs it.
        own = self.directory / "certificates"
        own.mkdir()
        if options["tls"]:
            made = certificates.make(self.run)
            shutil.copy(made / "server.pem", own / "public.crt")
            shutil.copy(made / "server.key", own / "private.key")
        [port] = self.reserve(1)
        return {"port": port, "tls": options["tls"], "size": options["size"], "kms": options["kms"]}

    def command(self, node):
        return [go.program(self.name), "server", "--quiet", "--address", f"{ports.HOST}:{self.state['port']}",
                "--certs-dir", self.directory / "certificates", self.directory / "data"]

    def environment(self):
        # A test that revokes the key writes another one into this file, and stops and starts the server.
        secret = self.directory / "secret"
        known = secret.read_text() if secret.exists() else s3.SECRET_KEY
        settings = {"MINIO_ROOT_USER": s3.ACCESS_KEY, "MINIO_ROOT_PASSWORD": known, "MINIO_SITE_REGION": s3.REGION,
                    "MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_CALLHOME_ENABLE": "off"}
        return settings | ({"MINIO_KMS_SECRET_KEY": f"{KEY_NAME}:{KEY}"} if self.state["kms"] else {})

    def before_start(self):
        data, size = self.directory / "data", self.state["size"]
        data.mkdir(exist_ok=True)
        if size and not os.path.ismount(data):
            if os.geteuid() != 0:
                raise Failure("--size mounts a file system in memory: only root can")
            toolchain.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "sealtrail-minio", data])

    def after_down(self):
        if os.path.ismount(self.directory / "data"):
            toolchain.run(["umount", self.directory / "data"])

    def ready(self, node):
        # Of the three health addresses the only one that asks for a drive that can be written.
        return self.client().healthy("/minio/health/cluster")

    def client(self):
        return s3.Client(self._endpoint(), self._authority())

    def variables(self):
        found = s3.variables(self._endpoint())
        if self.state["tls"]:
            found["S3_CA_FILE"] = self._authority()
        if self.state["kms"]:
            found["S3_KMS_KEY"] = KEY_NAME
        return found

    def _endpoint(self):
        return f"{'https' if self.state['tls'] else 'http'}://{ports.HOST}:{self.state['port']}"

    def _authority(self):
        return self.run / "certificates/ca.pem" if self.state["tls"] else None

"""versitygw: the second S3 server, so that the archive has no habit of one. It is maintained and answers as AWS does.

What it does not prove: encryption, replication, storage classes. It keeps objects as files with extended attributes, so its
directory must lie on a file system that has them for users (ext4, xfs, btrfs). A bucket's default retention is enforced
but not shown. `kill` leaves acknowledged objects whole.
"""

import go
import ports
import s3
from part import Part


class VersityGateway(Part):
    name = "versitygw"

    def prepare(self):
        go.program(self.name)

    def configure(self, options):
        for folder in ("objects", "versions"):
            (self.directory / folder).mkdir()
        [port] = self.reserve(1)
        return {"port": port}

    def command(self, node):
        listen = f"{ports.HOST}:{self.state['port']}"
        return [go.program(self.name), "--quiet", "--keep-alive", "--port", listen, "--region", s3.REGION, "--health", "/health",
                "posix", "--versioning-dir", self.directory / "versions", self.directory / "objects"]

    def environment(self):
        return {"ROOT_ACCESS_KEY": s3.ACCESS_KEY, "ROOT_SECRET_KEY": s3.SECRET_KEY}

    def ready(self, node):
        return self.client().healthy("/health")

    def client(self):
        return s3.Client(self._endpoint())

    def variables(self):
        return s3.variables(self._endpoint())

    def _endpoint(self):
        return f"http://{ports.HOST}:{self.state['port']}"

"""moto's server as AWS KMS: encryption contexts with real AES-GCM, signatures and policies of users checked once `enforce` says so.

From PyPI, in an environment of its own in the cache. What it keeps is in memory: `kill` loses the keys, `pause` keeps them.

What it does not prove: that a key can't be read, the policies of keys, grants, AWS's throttling, what AWS says of a disabled
key (here it goes on working), its ciphertext blobs (each server has a form of its own).
"""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

import cache
import certificates
import ports
import toolchain
from cache import VERSIONS, Failure, say
from part import Part

REGION = "eu-central-1"
# Until policies are enforced, any credentials will do.
ACCESS_KEY, SECRET_KEY = "sealtrail-test", "sealtrail-test-secret"


class Moto(Part):
    name = "moto"

    def prepare(self):
        python()

    def configure(self, options):
        if options["tls"]:
            certificates.make(self.run)
        [port] = self.reserve(1)
        return {"port": port, "tls": options["tls"]}

    def command(self, node):
        command = [python(), "-m", "moto.server", "--host", ports.HOST, "--port", str(self.state["port"])]
        if self.state["tls"]:
            made = self.run / "certificates"
            command += ["--ssl", "--ssl-cert", made / "server.pem", "--ssl-key", made / "server.key"]
        return command

    def environment(self):
        return {"INITIAL_NO_AUTH_ACTION_COUNT": "1000000000"}

    def ready(self, node):
        try:
            return self._ask("GET", "/moto-api/data.json") is not None
        except urllib.error.URLError:
            return False

    def variables(self):
        found = {"KMS_ENDPOINT": self._endpoint(), "KMS_REGION": REGION, "KMS_ACCESS_KEY": ACCESS_KEY,
                 "KMS_SECRET_KEY": SECRET_KEY}
        return found | ({"KMS_CA_FILE": self.run / "certificates/ca.pem"} if self.state["tls"] else {})

    def user(self, name, actions):
        """A user who may do no more than these actions: its access key and its secret."""
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam = {"UserName": name}
        self._iam("CreateUser", iam)
        self._iam("PutUserPolicy", iam | {"PolicyName": "all", "PolicyDocument": json.dumps(allowed)})
        made = self._iam("CreateAccessKey", iam)
        field = lambda tag: made.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        return field("AccessKeyId"), field("SecretAccessKey")

    def enforce(self):
        """From here on only known users, with right signatures, may do what their policies say."""
        self._ask("POST", "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})

    def _iam(self, action, fields):
        form = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08"} | fields).encode()
        # Which service is meant stands in the scope of the signature.
        scope = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/us-east-1/iam/aws4_request"
        return self._ask("POST", "/", form, {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"})

    def _ask(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self._endpoint() + path, body, headers or {}, method=method)
        trust = ssl.create_default_context(cafile=self.run / "certificates/ca.pem") if self.state["tls"] else None
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"moto answers {error.code} to {path}: {error.read(300)}") from error

    def _endpoint(self):
        return f"{'https' if self.state['tls'] else 'http'}://{ports.HOST}:{self.state['port']}"


def python():
    """The interpreter that has moto; made at the first call."""
    packages = VERSIONS["moto"]["packages"]

    def make(directory):
        say(f"fetching moto {VERSIONS['moto']['version']}")
        toolchain.python_environment(directory)
        toolchain.run([directory / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet",
                       f"moto=={VERSIONS['moto']['version']}", *packages])

    return cache.entry(f"moto/{VERSIONS['moto']['version']}", make) / "bin/python"

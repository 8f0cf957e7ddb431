"""As much of S3 as making a bucket takes: requests signed with AWS Signature Version 4, and three calls."""

import base64
import datetime
import hashlib
import hmac
import http.client
import ssl
import time
import urllib.parse

from cache import Failure

REGION = "eu-central-1"
ACCESS_KEY, SECRET_KEY = "sealtrail", "sealtrail-test-only"
ENABLED, LOCKED = "<Status>Enabled</Status>", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def variables(endpoint):
    """What a client of one of our servers must know."""
    return {"S3_ENDPOINT": endpoint, "S3_REGION": REGION, "S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": SECRET_KEY}


class Client:
    def __init__(self, endpoint, authority=None):
        self.url = urllib.parse.urlsplit(endpoint)
        self.authority = authority

    def make_bucket(self, name, lock=True, retention_days=None):
        """A bucket with Object Lock and versioning, seen to have both; with neither if not `lock`. One that exists is fine."""
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if lock else {}
        where = f"<LocationConstraint>{REGION}</LocationConstraint>"
        body = f"<CreateBucketConfiguration {NAMESPACE}>{where}</CreateBucketConfiguration>"
        status, text = self.request("PUT", f"/{name}", body=body, headers=headers)
        if status != 200 and "BucketAlreadyOwnedByYou" not in text:
            raise Failure(f"the bucket {name} could not be made: status {status}: {text}")
        if not lock:
            return
        self._put(name, "versioning", f"<VersioningConfiguration {NAMESPACE}>{ENABLED}</VersioningConfiguration>")
        if retention_days is not None:
            rule = f"<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>{retention_days}</Days></DefaultRetention></Rule>"
            self._put(name, "object-lock", f"<ObjectLockConfiguration {NAMESPACE}>{LOCKED}{rule}</ObjectLockConfiguration>")
        self._expect(name, "versioning", ENABLED)
        self._expect(name, "object-lock", LOCKED)

    def request(self, method, path, query="", headers=None, body=""):
        """Sends one signed request; status and text of the answer."""
        payload = body.encode()
        headers = {"host": self.url.netloc, "x-amz-content-sha256": hashlib.sha256(payload).hexdigest()} | (headers or {})
        headers = _signed(method, path, query, headers)
        connection = self._connection()
        try:
            connection.request(method, path + (f"?{query}" if query else ""), payload, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def healthy(self, path):
        connection = self._connection()
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def _put(self, name, what, body):
        # These two calls want a checksum of their body.
        digest = base64.b64encode(hashlib.md5(body.encode(), usedforsecurity=False).digest()).decode()
        status, text = self.request("PUT", f"/{name}", f"{what}=", {"content-md5": digest}, body)
        if status != 200:
            raise Failure(f"{what} of the bucket {name} could not be set: status {status}: {text}")

    def _expect(self, name, what, wanted):
        status, text = self.request("GET", f"/{name}", f"{what}=")
        if status != 200 or wanted not in text:
            raise Failure(f"the bucket {name} has no {what}: status {status}: {text}")

    def _connection(self):
        if self.url.scheme == "https":
            trust = ssl.create_default_context(cafile=self.authority)
            return http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=10, context=trust)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10)


def _signed(method, path, query, headers):
    """`headers` with the signature over them, the path, the query and the body's hash."""
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = headers | {"x-amz-date": now}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join([method, path, query, lines, names, headers["x-amz-content-sha256"]])
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET_KEY}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word).digest()
    who, signature = f"Credential={ACCESS_KEY}/{scope}", _hmac(key, text).hexdigest()
    return headers | {"authorization": f"AWS4-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={signature}"}


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)

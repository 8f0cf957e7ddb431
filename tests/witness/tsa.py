"""A time stamping authority on loopback for a test, until standard input ends: OpenSSL's `ts` behind an HTTP server.

tsa.py DIR

DIR gets its authority (`ca.pem`), keys and lists. `POST /` answers a request of RFC 3161; `GET /ca.crl` gives the list of revoked
certificates. Prints one line, `port N`.
"""

import http.server
import pathlib
import subprocess
import sys
import threading

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 3650
default_crl_days = 3650
policy = any
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Test CA
[v3_ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[v3_tsa]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://127.0.0.1:PORT/ca.crl
[crl]
authorityKeyIdentifier = keyid
[tsa]
default_tsa = one
[one]
serial = tsaserial
signer_cert = tsa.pem
certs = ca.pem
signer_key = tsa.key
signer_digest = sha256
ess_cert_id_alg = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


def openssl(directory, *arguments, stdin=None):
    done = subprocess.run(["openssl", *arguments], cwd=directory, input=stdin, capture_output=True)
    if done.returncode:
        sys.exit(f"openssl {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout


def prepare(directory, port):
    (directory / "tsa.cnf").write_text(CONFIGURATION.replace("PORT", str(port)))
    for name, text in (("index.txt", ""), ("serial", "01"), ("crlnumber", "01"), ("tsaserial", "01")):
        (directory / name).write_text(text)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf"]
    openssl(directory, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-extensions", "v3_ca", "-days", "3650")
    openssl(directory, "req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA")
    certify = ["-in", "tsa.csr", "-out", "tsa.pem", "-notext", "-extensions", "v3_tsa"]
    openssl(directory, "ca", "-batch", "-config", "tsa.cnf", *certify)
    openssl(directory, "ca", "-config", "tsa.cnf", "-gencrl", "-crlexts", "crl", "-out", "crl.pem")
    openssl(directory, "crl", "-in", "crl.pem", "-outform", "DER", "-out", "ca.crl")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory = None
    turn = threading.Lock()

    def do_POST(self):
        query = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-type"] != "application/timestamp-query":
            return self.answer(415, b"", "text/plain")
        with self.turn:
            (self.directory / "query").write_bytes(query)
            openssl(self.directory, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
            stamp = (self.directory / "answer").read_bytes()
        self.answer(200, stamp, "application/timestamp-reply")

    def do_GET(self):
        self.answer(200, (self.directory / "ca.crl").read_bytes(), "application/pkix-crl")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def main(directory):
    directory = pathlib.Path(directory)
    directory.mkdir(exist_ok=True)
    Handler.directory = directory
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    prepare(directory, server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("port", server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Toxiproxy: TCP proxies that cut, slow down, blackhole and reset, told so over its HTTP API (`TOXIPROXY`).

What it proves: how a client behaves when the network does that. Clients of Kafka go to the address that a broker
advertises, so a broker needs a listener that advertises the proxy's (`up kafka --proxy`). A test must see that its fault
took effect (a count of disconnects, say): a toxic that is too mild does nothing.

The proxies that a part asks for are kept in a file, and a proxy server that comes back from `kill` has them again, without
their toxics. What a test adds through the API is gone then.
"""

import http.client
import json

import go
import ports
from cache import Failure
from part import Part


class Toxiproxy(Part):
    name = "toxiproxy"

    def prepare(self):
        go.program(self.name)

    def configure(self, options):
        (self.directory / "proxies.json").write_text("[]")
        [port] = self.reserve(1)
        return {"port": port}

    def command(self, node):
        return [go.program(self.name), "-host", ports.HOST, "-port", self.state["port"],
                "-config", self.directory / "proxies.json"]

    def ready(self, node):
        return self._call("GET", "/version")[0] == 200

    def variables(self):
        return {"TOXIPROXY": f"{ports.HOST}:{self.state['port']}"}

    def add(self, proxies):
        """Adds `{name: (listen, upstream)}` for good. What is there already is left alone, with its toxics."""
        file = self.directory / "proxies.json"
        kept = json.loads(file.read_text())
        added = [{"name": name, "listen": listen, "upstream": upstream, "enabled": True}
                 for name, (listen, upstream) in proxies.items() if name not in [proxy["name"] for proxy in kept]]
        if not added:
            return
        status, text = self._call("POST", "/populate", json.dumps(added))
        if status not in (200, 201):
            raise Failure(f"toxiproxy refuses the proxies with status {status}: {text}")
        file.write_text(json.dumps(kept + added, indent=1))

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection(ports.HOST, self.state["port"], timeout=5)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

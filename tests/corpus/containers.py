"""Containers: what a key and its value are written in. Each is (name, level, what may stand in it, function).

`c` is the maker of values, `k` the key as its writer spells it, `v` the value as it is written. `level` is the least level of a
row in this container. What may stand in it: "any", or "plain" for places where only letters, digits and dashes are legal.
"""

import base64
import json
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml

BS = "\\"


def name(k):
    """A key as an identifier: `card-number`, `card.number` as `card_number`."""
    return k.replace("-", "_").replace(".", "_").replace(" ", "_")


def pascal(k):
    return "".join(word[:1].upper() + word[1:] for word in name(k).split("_"))


def dump(value, ascii_only=True):
    return json.dumps(value, ensure_ascii=ascii_only)


def noise(c):
    return c.pick([{"level": "INFO"}, {"amount": float(c.amount()), "currency": "CNY"}, {"status": 200}, {"merchant_id": c.number(15)}, {"ok": True, "took_ms": c.between(1, 900)},
                   {"order_id": c.number(c.between(16, 19))}, {"trace_id": c.hex(32)}, {"ts": int(c.ms())}])


CONTAINERS = [
    # JSON
    ("json", "basic", "any", lambda c, k, v: dump({**noise(c), k: v}, False)),
    ("json-first", "basic", "any", lambda c, k, v: dump({k: v, **noise(c)}, False)),
    ("json-compact", "basic", "any", lambda c, k, v: json.dumps({"event": "pay", k: v, **noise(c)}, separators=(",", ":"), ensure_ascii=False)),
    ("json-pretty", "basic", "any", lambda c, k, v: json.dumps({"req": {**noise(c), k: v}}, indent=2, ensure_ascii=False)),
    ("json-nested", "basic", "any", lambda c, k, v: dump({"event": "payment.created", "payload": {"payer": {k: v}, **noise(c)}}, False)),
    ("json-number", "basic", "digits", lambda c, k, v: f'{{"seq":{c.between(1, 99)},"{k}":{v},"ok":true}}'),
    ("json-list", "hard", "any", lambda c, k, v: dump({k: [v], "n": 1}, False)),
    ("json-ascii", "hard", "any", lambda c, k, v: dump({**noise(c), k: v})),
    ("json-in-json", "hard", "any", lambda c, k, v: dump({"level": "info", "message": dump({k: v, **noise(c)})}, False)),
    ("json-in-json-in-json", "hard", "any", lambda c, k, v: dump({"log": dump({"message": dump({k: v})})})),
    ("json-escaped", "hard", "any", lambda c, k, v: "body=" + dump({k: v, "x": 1}, False).replace('"', '\\"')),
    ("json-name-value", "hard", "any", lambda c, k, v: dump({"params": [{"name": k, "value": v}]}, False)),
    ("json-key-value", "hard", "any", lambda c, k, v: dump({"attributes": [{"key": k, "value": {"stringValue": v}}]}, False)),
    ("json-cut", "hard", "any", lambda c, k, v: (dump({k: v, **noise(c)}, False)[:-1])),
    ("json-prefix", "basic", "any", lambda c, k, v: f"{c.stamp()} INFO  [http-nio-8080-exec-{c.between(1, 9)}] c.e.pay.PayController - request: " + dump({k: v, **noise(c)}, False)),
    ("json5", "hard", "any", lambda c, k, v: f"{{ {name(k)}: '{v}', retries: {c.between(0, 5)} }}"),
    ("ndjson", "basic", "any", lambda c, k, v: dump(noise(c)) + "\n" + dump({k: v}, False) + "\n" + dump(noise(c))),
    # other markup
    ("yaml", "basic", "any", lambda c, k, v: f"payer:\n  name: test\n  {k}: {v}\n  country: CN"),
    ("yaml-quoted", "basic", "any", lambda c, k, v: f"{k}: '{v}'\nretries: 3"),
    ("ini", "basic", "any", lambda c, k, v: f"[payer]\n{k} = {v}\nmode = live"),
    ("toml", "basic", "any", lambda c, k, v: f'[request]\n{k} = "{v}"\nid = {c.between(1, 999)}'),
    ("properties", "basic", "any", lambda c, k, v: f"request.{k}={v}"),
    ("xml", "basic", "any", lambda c, k, v: f"<req><id>{c.between(1, 99999)}</id><{name(k)}>{xml(v)}</{name(k)}></req>"),
    ("xml-pretty", "basic", "any", lambda c, k, v: f"<Request>\n  <{name(k)}>{xml(v)}</{name(k)}>\n  <Currency>156</Currency>\n</Request>"),
    ("xml-namespace", "hard", "any", lambda c, k, v: f'<soapenv:Body><ns2:{pascal(k)} xmlns:ns2="urn:pay">{xml(v)}</ns2:{pascal(k)}></soapenv:Body>'),
    ("xml-attribute", "basic", "any", lambda c, k, v: f'<payment id="{c.between(1, 9999)}" {name(k)}="{xml(v)}" currency="EUR"/>'),
    ("xml-cdata", "hard", "any", lambda c, k, v: f"<xml><{name(k)}><![CDATA[{v}]]></{name(k)}><sign><![CDATA[{c.hex(32, True)}]]></sign></xml>"),
    ("xml-escaped", "hard", "any", lambda c, k, v: xml(f"<{name(k)}>{v}</{name(k)}>")),
    ("xml-typed", "hard", "any", lambda c, k, v: f'<field name="{k}" type="string">{xml(v)}</field>'),
    ("html-input", "hard", "any", lambda c, k, v: f'<input type="text" name="{k}" value="{xml(v)}">'),
    ("html-row", "hard", "any", lambda c, k, v: f"<tr><td>{k}</td><td>{xml(v)}</td></tr>"),
    ("plist", "hard", "any", lambda c, k, v: f"<dict><key>{k}</key><string>{xml(v)}</string></dict>"),
    # web
    ("query", "basic", "any", lambda c, k, v: f"GET /api/v1/pay?{quote(k)}={quote(v)}&amount={c.amount()} HTTP/1.1"),
    ("query-plus", "basic", "any", lambda c, k, v: f"/pay?ts={c.ms()}&{quote(k)}={quote_plus(v)}&sign={c.hex(32)}"),
    ("url", "basic", "any", lambda c, k, v: f"redirect to https://pay.example.com/cb?{quote(k)}={quote(v)}#top"),
    ("form", "basic", "any", lambda c, k, v: f"POST body: txnType=01&{quote(k)}={quote_plus(v)}&version=5.1.0"),
    ("query-json", "hard", "any", lambda c, k, v: "/pay?data=" + quote(dump({k: v, "n": 1}, False))),
    ("query-twice", "hard", "any", lambda c, k, v: "/login?next=" + quote(f"/pay?{quote(k)}={quote(v)}&x=1", safe="")),
    ("matrix", "hard", "plain", lambda c, k, v: f"GET /v2/customers/{quote(k)}/{quote(v)}/limits 200"),
    ("header", "basic", "any", lambda c, k, v: f"X-{pascal(k)}: {v}\r\nAccept: */*"),
    ("cookie", "hard", "plain", lambda c, k, v: f"Cookie: sid={c.hex(24)}; {quote(k)}={quote(v)}; theme=dark"),
    ("baggage", "hard", "plain", lambda c, k, v: f"baggage: tenant=eu1,{quote(k)}={quote(v)},region=cn"),
    ("tracestate", "hard", "plain", lambda c, k, v: f"traceparent=00-{c.hex(32)}-{c.hex(16)}-01 tracestate={quote(name(k).lower())}={quote(v)}"),
    ("curl", "hard", "any", lambda c, k, v: f"curl -s -X POST https://api.example.com/v1/charges -d '{k}={v}' -d amount=1200"),
    ("curl-json", "hard", "any", lambda c, k, v: "curl -H 'Content-Type: application/json' --data '" + dump({k: v}, False) + "' https://api.example.com"),
    ("multipart", "hard", "any", lambda c, k, v: f'------boundary\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n------boundary--'),
    ("nginx", "basic", "any", lambda c, k, v: f'{c.ip()} - - [12/Nov/2026:10:00:01 +0800] "POST /pay?{quote(k)}={quote(v)} HTTP/1.1" 200 {c.between(100, 9999)} "-" "okhttp/4.9"'),
    ("graphql", "hard", "any", lambda c, k, v: f'mutation {{ pay(input: {{ {name(k)}: "{v}", amount: 12 }}) {{ id }} }}'),
    ("graphql-variables", "hard", "any", lambda c, k, v: dump({"query": "mutation($i:In!){pay(input:$i){id}}", "variables": {"i": {k: v}}}, False)),
    ("websocket", "hard", "any", lambda c, k, v: '42["pay",' + dump({k: v}, False) + "]"),
    # log lines
    ("logfmt", "basic", "any", lambda c, k, v: f'ts={c.iso()} level=info msg="charge created" {name(k)}="{v}" took=12ms'),
    ("logfmt-bare", "basic", "plain", lambda c, k, v: f"level=warn caller=pay.go:{c.between(10, 999)} {name(k)}={v} attempt=2"),
    ("log4j", "basic", "any", lambda c, k, v: f"{c.stamp()} [main] INFO com.example.Pay - {k}={v}, result=OK"),
    ("log4j-colon", "basic", "any", lambda c, k, v: f"{c.stamp()} DEBUG 2314 --- [nio-8443-exec-7] c.e.p.RiskService : {k}: {v}"),
    ("syslog", "basic", "any", lambda c, k, v: f"<134>1 {c.iso()} pay01 gateway {c.between(100, 9999)} ID47 - {k}={v}"),
    ("syslog-structured", "hard", "any", lambda c, k, v: f'<165>1 {c.iso()} host app - ID5 [pay@32473 {name(k)}="{v}" seq="9"] done'),
    ("journald", "basic", "any", lambda c, k, v: f"PRIORITY=6\n{name(k).upper()}={v}\n_PID={c.between(2, 99999)}"),
    ("klog", "basic", "any", lambda c, k, v: f'I1123 10:00:01.123456 {c.between(1, 99999)} pay.go:87] "charged" {name(k)}="{v}"'),
    ("brackets", "basic", "any", lambda c, k, v: f"[{c.iso()}][INFO][pay][{k}:{v}][cost:{c.between(1, 500)}ms]"),
    ("pipes", "basic", "any", lambda c, k, v: f"{c.stamp()}|INFO|pay|{k}={v}|0000|ok"),
    ("arrows", "hard", "any", lambda c, k, v: f">>> request {k} -> {v} <<<"),
    ("mdc", "hard", "any", lambda c, k, v: f"{c.stamp()} [{c.hex(16)}] {{uid={c.number(6)}, {k}={v}}} INFO  Pay - ok"),
    ("serilog", "hard", "any", lambda c, k, v: dump({"@t": c.iso(), "@mt": "Charge {Value}", pascal(k): v}, False)),
    ("cef", "hard", "any", lambda c, k, v: f"CEF:0|Example|Gateway|1.0|100|charge|5|src={c.ip()} {name(k)}={v} act=allow"),
    ("gelf", "hard", "any", lambda c, k, v: dump({"version": "1.1", "host": "pay", "short_message": "charge", f"_{name(k)}": v}, False)),
    # dumps of objects
    ("java", "basic", "any", lambda c, k, v: f"PayRequest{{id={c.between(1, 9999)}, {name(k)}='{v}', currency='CNY'}}"),
    ("lombok", "basic", "any", lambda c, k, v: f"PayRequest(id={c.between(1, 9999)}, {name(k)}={v}, currency=CNY)"),
    ("java-reflection", "hard", "any", lambda c, k, v: f"com.example.Card@{c.hex(7)}[{name(k)}={v},type=01]"),
    ("java-map", "basic", "any", lambda c, k, v: f"params: {{version=1.0, {k}={v}, charset=UTF-8}}"),
    ("java-string-array", "hard", "any", lambda c, k, v: f"args=[PAY, {name(k)}={v}, {c.between(1, 99)}]"),
    ("go", "hard", "any", lambda c, k, v: f"req=&{{ID:{c.between(1, 9999)} {pascal(k)}:{v} Currency:CNY}}"),
    ("go-map", "hard", "any", lambda c, k, v: f"params=map[currency:CNY {name(k)}:{v} version:1.0]"),
    ("go-quoted", "hard", "any", lambda c, k, v: f'main.Req{{ID:{c.between(1, 99)}, {pascal(k)}:"{v}", N:(*int)(0xc000{c.hex(6)})}}'),
    ("python", "basic", "any", lambda c, k, v: f"payload: {{'currency': 'CNY', '{k}': '{v}', 'retry': False}}"),
    ("python-repr", "basic", "any", lambda c, k, v: f"PayRequest(id={c.between(1, 99)}, {name(k)}='{v}', currency=None)"),
    ("python-bytes", "hard", "any", lambda c, k, v: f"recv b'{name(k)}={v}&n=1'"),
    ("ruby", "hard", "any", lambda c, k, v: f'Parameters: {{"{k}"=>"{v}", "commit"=>"Pay"}}'),
    ("ruby-symbol", "hard", "any", lambda c, k, v: f"#<Charge id: {c.between(1, 99)}, {name(k)}: \"{v}\", created_at: nil>"),
    ("php", "hard", "any", lambda c, k, v: f"Array\n(\n    [{k}] => {v}\n    [amount] => 100\n)"),
    ("php-dump", "hard", "any", lambda c, k, v: f'array(1) {{\n  ["{k}"]=>\n  string({len(v)}) "{v}"\n}}'),
    ("php-serialised", "hard", "any", lambda c, k, v: f's:{len(k)}:"{k}";s:{len(v.encode())}:"{v}";'),
    ("rust", "hard", "any", lambda c, k, v: f'Charge {{ id: {c.between(1, 99)}, {name(k)}: Some("{v}"), paid: false }}'),
    ("csharp", "hard", "any", lambda c, k, v: f"Charge {{ Id = {c.between(1, 99)}, {pascal(k)} = {v}, Paid = True }}"),
    ("protobuf", "hard", "any", lambda c, k, v: f'charge {{\n  {name(k)}: "{v}"\n  amount: 100\n}}'),
    ("swift", "hard", "any", lambda c, k, v: f'["currency": "CNY", "{k}": "{v}"]'),
    ("optional", "hard", "any", lambda c, k, v: f"{name(k)}=Optional[{v}] retry=false"),
    ("hash-args", "hard", "any", lambda c, k, v: f"pay({name(k)}={v!r}, amount=Decimal('12.30'))"),
    # data bases and queues
    ("insert", "basic", "any", lambda c, k, v: f"INSERT INTO t_payment (id, {name(k)}, status) VALUES ({c.between(1, 9999)}, '{v}', 'NEW')"),
    ("update", "basic", "any", lambda c, k, v: f"UPDATE t_user SET {name(k)} = '{v}' WHERE id = {c.between(1, 9999)}"),
    ("where", "basic", "any", lambda c, k, v: f"SELECT * FROM t_user WHERE {name(k)}='{v}' LIMIT 1"),
    ("mybatis", "hard", "any", lambda c, k, v: f"==>  Preparing: select * from t where {name(k)} = ? \n==> Parameters: {v}(String), 1(Integer)"),
    ("mysql-duplicate", "hard", "any", lambda c, k, v: f"ERROR 1062 (23000): Duplicate entry '{v}' for key 't_user.uk_{name(k)}'"),
    ("postgres-duplicate", "hard", "any", lambda c, k, v: f'ERROR: duplicate key value violates unique constraint "uk" DETAIL: Key ({name(k)})=({v}) already exists.'),
    ("oracle", "hard", "any", lambda c, k, v: f"ORA-12899: value too large for column \"{name(k).upper()}\": '{v}' (actual: {len(v)}, maximum: 12)"),
    ("mongo", "hard", "any", lambda c, k, v: f"db.users.updateOne({{_id: ObjectId('{c.hex(24)}')}}, {{$set: {{'{k}': '{v}'}}}})"),
    ("redis", "hard", "plain", lambda c, k, v: f'"HSET" "user:{c.between(1, 999)}" "{k}" "{v}"'),
    ("redis-key", "hard", "plain", lambda c, k, v: f"GET pay:{name(k)}:{v} -> nil"),
    ("elastic", "hard", "any", lambda c, k, v: dump({"query": {"term": {k: {"value": v}}}}, False)),
    ("kafka", "hard", "any", lambda c, k, v: f"ConsumerRecord(topic = pay, partition = 3, offset = {c.between(1, 10**9)}, key = null, value = {dump({k: v}, False)})"),
    ("csv", "hard", "any", lambda c, k, v: f"id,{k},status\n{c.between(1, 999)},{v},OK"),
    ("csv-quoted", "hard", "any", lambda c, k, v: f'"id","{k}","status"\n"{c.between(1, 999)}","{v}","OK"'),
    ("tsv", "hard", "any", lambda c, k, v: f"{k}\tstatus\n{v}\tOK"),
    ("table", "hard", "any", lambda c, k, v: f"| {k} | status |\n|---|---|\n| {v} | OK |"),
    # shells, exceptions, files
    ("option", "basic", "any", lambda c, k, v: f"exec: paycli charge --{k.replace('_', '-')}={v} --dry-run"),
    ("option-space", "basic", "any", lambda c, k, v: f"exec: paycli charge --{k.replace('_', '-')} {v} --currency CNY"),
    ("java-property", "hard", "any", lambda c, k, v: f"java -D{k}={v} -jar pay.jar"),
    ("environment", "basic", "any", lambda c, k, v: f"export {name(k).upper()}={v}"),
    ("exception", "basic", "any", lambda c, k, v: f"java.lang.IllegalArgumentException: invalid {k}: {v}\n\tat com.example.Pay.check(Pay.java:{c.between(10, 900)})\n\tat java.base/java.lang.Thread.run(Thread.java:829)"),
    ("python-exception", "basic", "any", lambda c, k, v: f"Traceback (most recent call last):\n  File \"pay.py\", line {c.between(10, 900)}, in check\nValueError: bad {k}: '{v}'"),
    ("validation", "hard", "any", lambda c, k, v: f"Field error in object 'payRequest' on field '{name(k)}': rejected value [{v}]; codes [Size]"),
    ("assertion", "hard", "any", lambda c, k, v: f"expected {name(k)} to equal \"{v}\" but was \"\""),
    ("zod", "hard", "any", lambda c, k, v: f'{{"path":["{k}"],"message":"Invalid","received":"{v}"}}'),
    ("panic", "hard", "any", lambda c, k, v: f"panic: unexpected {name(k)} {v!r}\n\ngoroutine {c.between(1, 99)} [running]:\nmain.pay(0xc0000{c.hex(5)})"),
]

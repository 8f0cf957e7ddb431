"""Sends audit records through the real OpenTelemetry SDK: sdk.py PROTOCOL ENDPOINT COUNT SEED

Each record carries `test.id` = PROTOCOL-number. Prints, as JSON lines, what was planted in them and must be found nowhere.
"""

import json
import random
import sys
import time

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource


def luhn(body):
    digits = [int(d) for d in reversed(body)]
    total = sum(d if i % 2 else d * 2 // 10 + d * 2 % 10 for i, d in enumerate(digits))
    return body + str(-total % 10)


def id_card(rng):
    body = f"{rng.choice(['110101', '440305'])}{rng.randint(1950, 2004)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}{rng.randint(0, 999):03}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


def main():
    protocol, endpoint, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

        exporter = OTLPLogExporter(endpoint=endpoint, insecure=True)
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        exporter = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")
    provider = LoggerProvider(resource=Resource.create({"service.name": f"sdk-{protocol}"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=count + 300, max_export_batch_size=256))
    logger = provider.get_logger("audit", "1.0")
    rng = random.Random(seed)
    for number in range(count):
        pan = luhn(rng.choice(["411111", "555544", "622588", "353011"]) + "".join(rng.choices("0123456789", k=9)))
        cvv, phone = f"{rng.randint(100, 999)}", f"139{rng.randint(0, 99999999):08}"
        card, mail = id_card(rng), f"customer{rng.randint(10000, 99999)}@example.org"
        print(json.dumps({"pan": pan, "id": card, "phone": phone, "mail": mail}))
        logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=rng.choice(
                    [
                        f"card {pan} cvv {cvv} phone {phone} mail {mail}",
                        {"card": {"pan": int(pan), "cvv": cvv}, "持卡人": card, "联系": [phone, mail]},
                        json.dumps({"card_number": pan, "cvv2": cvv, "id_card": card, "phone": phone}),
                    ]
                ),
                attributes={
                    "test.id": f"{protocol}-{number}",
                    "card_number": pan,
                    "pan.number": int(pan),
                    "cvv": cvv,
                    "id_card": card,
                    "phone": phone,
                    "email": mail,
                    "amount": rng.randint(1, 10**9) / 1000,
                    "history": [f"was {pan}", mail],
                },
            )
        )
    if not provider.force_flush(60_000):
        sys.exit("the exporter did not deliver everything")
    provider.shutdown()


main()

"""Reads what Kafka's console consumer wrote, with OpenTelemetry's own messages: FILE BEGIN END CHAIN RECORDS.

Each message stands between its key with the mark BEGIN and the mark END; what lies outside is the consumer's own log.

Every record of the chain must be there once, in order, each ending with the seven attributes of the stream's format, and
`sealtrail.hash` must be the link that the others make (FORMAT.md, "Link").
"""

import hashlib
import sys

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

NAMES = ["chain", "sequence", "observed", "prev_hash", "checksum", "hash", "received"]


def main(path, begin, end, chain, records):
    with open(path, "rb") as file:
        parts = file.read().split(end.encode())
    begin = (chain + begin).encode()
    assert begin not in parts.pop(), "the last message is not whole"
    messages = [part.split(begin)[1] for part in parts]
    count, previous = 0, None
    for message in messages:
        for logs in ExportLogsServiceRequest.FromString(message).resource_logs:
            for record in (record for scope in logs.scope_logs for record in scope.log_records):
                last = record.attributes[-7:]
                assert [pair.key for pair in last] == [f"sealtrail.{name}" for name in NAMES], count
                found = {pair.key[10:]: pair.value for pair in last}
                sequence, observed = found["sequence"].int_value, found["observed"].int_value
                before, checksum = found["prev_hash"].string_value, found["checksum"].string_value
                assert (found["chain"].string_value, sequence) == (chain, count), count
                assert previous in (None, before), count
                link = f"sealtrail/1\n{chain}\n{sequence}\n{observed}\n{before}\n{checksum}\n"
                previous = hashlib.sha256(link.encode()).hexdigest()
                assert previous == found["hash"].string_value, count
                count += 1
    assert count == int(records), f"{count} records, not {records}"


main(*sys.argv[1:])

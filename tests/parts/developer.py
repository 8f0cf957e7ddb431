"""The whole set for trying things by hand (`make up`): Kafka with the two topics, MinIO with a locked bucket.

What it prints is a configuration file: `make -s up > sealtrail.yaml`, then `sealtrail collect --config sealtrail.yaml`.
"""

import kafka
import minio

BUCKET = "sealtrail-audit"
CONFIGURATION = """\
# Credentials come from the environment:
#   export AWS_ACCESS_KEY_ID={S3_ACCESS_KEY} AWS_SECRET_ACCESS_KEY={S3_SECRET_KEY}
stream:
  kafka:
    brokers: [{brokers}]
    topic: audit-logs
archive:
  s3:
    bucket: {bucket}
    region: {S3_REGION}
    endpoint: {S3_ENDPOINT}
    object_lock: {{ mode: COMPLIANCE, retention_days: 1 }}
"""


def up(run):
    """Starts what does not run, makes what is not there, and returns the configuration that uses it."""
    broker, store = kafka.Kafka(run), minio.MinIO(run)
    broker.up(kafka.DEFAULTS)
    for topic in ("audit-logs", "audit-checkpoints"):
        broker.make_topic(topic, partitions=1, replication=3, settings={"retention.ms": "-1"})
    store.up({"tls": False, "kms": True, "size": None})
    store.client().make_bucket(BUCKET)
    found = broker.variables() | store.variables()
    return CONFIGURATION.format(**found, bucket=BUCKET, brokers=found["KAFKA_BOOTSTRAP"].replace(",", ", "))

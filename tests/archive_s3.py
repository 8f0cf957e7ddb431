#!/usr/bin/env python3
"""Reads an archive's partitions out of a bucket with pyarrow alone, and prints how many rows there are.

    python3 tests/archive_s3.py ENDPOINT BUCKET PREFIX ACCESS_KEY SECRET_KEY
"""
import sys

import pyarrow.dataset
from pyarrow.fs import S3FileSystem

endpoint, bucket, prefix, access, secret = sys.argv[1:]
scheme, host = endpoint.split("://")
s3 = S3FileSystem(access_key=access, secret_key=secret, region="eu-central-1", scheme=scheme, endpoint_override=host)
logs = pyarrow.dataset.dataset(f"{bucket}/{prefix}/audit-logs", filesystem=s3, format="parquet", partitioning="hive")
table = logs.to_table(columns=["chain", "date", "sequence"])
if set(table["chain"].to_pylist()) != {"local"} or None in table["date"].to_pylist():
    sys.exit("the partitions are not read")
if sorted(table["sequence"].to_pylist()) != list(range(table.num_rows)):
    sys.exit("records are missing or repeated")
print(table.num_rows)

#!/usr/bin/env python3
"""Spark, in local mode, reads every column of an archive: python3 tests/archive_spark.py ARCHIVE_DIR"""
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count, max, min, sha2, sum, when

TYPES = {
    "sequence": "bigint", "observed_nanos": "bigint", "observed_time": "timestamp", "event_time": "timestamp",
    "service_name": "string", "event_name": "string", "severity_text": "string", "severity_number": "int",
    "trace_id": "binary", "span_id": "binary", "content": "string", "checksum": "binary", "hash": "binary",
}

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = session.config("spark.sql.session.timeZone", "UTC").getOrCreate()
rows = spark.read.parquet(f"{sys.argv[1]}/audit-logs")
types = dict(rows.dtypes)
wrong = {name: types.get(name) for name, kind in TYPES.items() if types.get(name) != kind}
if wrong:
    sys.exit(f"columns of other types: {wrong}")

# Everything is read: a column that can't be decoded fails here.
checksums = sum(when(sha2(col("content"), 256) == col("checksum_hex"), 1).otherwise(0))
rows = rows.selectExpr("*", "lower(hex(checksum)) AS checksum_hex")
seen = rows.groupBy("chain").agg(
    count("*").alias("records"), min("sequence").alias("first"), max("sequence").alias("last"), checksums.alias("sound"),
    *[count(name).alias(f"{name}_values") for name in types if name not in ("chain", "date")],
)
for chain in seen.collect():
    print(chain.asDict())
    if not chain.records == chain.sound == chain.last - chain.first + 1:
        sys.exit(f"chain {chain.chain}: records, sound checksums and sequences differ")

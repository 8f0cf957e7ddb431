#!/usr/bin/env python3
"""Runs the blocks of docs/verify-yourself.md as they stand there.

    python3 tests/verify_yourself.py sql|python|bash PLACE...

A PLACE is a directory with `archive` (sql, python) or with `bundle` and `log.vkey` (bash). Prints a JSON line each:
{"place": …, "findings": [[problem, record], …]}.
"""
import glob, json, os, re, subprocess, sys

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "verify-yourself.md")


def blocks(language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", open(PAGE, encoding="utf-8").read(), re.M | re.S)
    if not found:
        sys.exit(f"no block of {language} on the page")
    return found


def sql(place):
    import duckdb

    os.chdir(place)
    connection = duckdb.connect()
    views, *queries = blocks("sql")
    connection.execute(views)
    if len(queries) < 6:
        sys.exit("queries are missing on the page")
    return [[problem, record] for query in queries for _, record, problem in connection.execute(query).fetchall()]


def python(place):
    (source,) = blocks("python")
    places = re.compile('^ARCHIVE, WORK, FINDINGS = "archive", "judged", "findings" .*$', re.M)
    here = [f"file://{place}/{name}" for name in ("archive", "judged", "findings")]
    source, replaced = places.subn(f"ARCHIVE, WORK, FINDINGS = {here!r}", source)
    if replaced != 1:
        sys.exit("the page doesn't name its places in one line")
    exec(compile(source, PAGE, "exec"), {"__name__": "__main__"})
    lines = [line for path in glob.glob(f"{place}/findings/*.json") for line in open(path, encoding="utf-8")]
    return [[found["problem"], found["record"]] for found in map(json.loads, lines)]


def bash(place):
    record, signature = blocks("bash")
    for script in (record, signature):
        run = subprocess.run(["bash", "-c", script], cwd=place, capture_output=True, text=True)
        if run.returncode:
            return [[(run.stderr.strip().splitlines() or run.stdout.strip().splitlines() or ["failed"])[-1], None]]
    return []


def main():
    language, *places = sys.argv[1:]
    if language == "python":
        os.environ["PYSPARK_PYTHON"] = sys.executable
        from pyspark.sql import SparkSession

        session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
        session.config("spark.sql.shuffle.partitions", "1").getOrCreate().sparkContext.setLogLevel("ERROR")
    run = {"sql": sql, "python": python, "bash": bash}[language]
    for place in [os.path.abspath(place) for place in places]:
        print(json.dumps({"place": os.path.basename(place), "findings": run(place)}), flush=True)


main()

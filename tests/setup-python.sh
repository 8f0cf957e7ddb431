#!/usr/bin/env bash
# Makes the virtual environment DIR with the packages of REQUIREMENTS: tests/setup-python.sh DIR REQUIREMENTS
set -euo pipefail
dir=$1 requirements=$2
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q && apt-get install -y -q python3 python3-venv
    else
        echo "python3 with venv is needed for the tests: apt-get install python3 python3-venv" >&2
        exit 2
    fi
fi
rm -rf "$dir"
python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"

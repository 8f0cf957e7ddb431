#!/usr/bin/env python3
"""Builds what go.mod names into DIR, with the machine's Go or, where there is none, with the parts' own.

    python3 tests/outside/build.py DIR
"""
import pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parts"))

import toolchain

target = pathlib.Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
go, environment = toolchain.go()
toolchain.run([go, "build", "-trimpath", "-o", target, ".", "tool"], cwd=HERE, env=environment)

# Everything a fresh machine needs: `make demo` and `make test` do their own set-up. Downloads and build output go to
# SEALTRAIL_CACHE (default ~/.cache/sealtrail), outside the checkout.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export SEALTRAIL_CACHE ?= $(HOME)/.cache/sealtrail
export CARGO_TARGET_DIR ?= $(SEALTRAIL_CACHE)/target
export SEALTRAIL_PYTHON := $(SEALTRAIL_CACHE)/python/bin/python
CARGO := cargo

# What no make target can install by itself; said at once and not after ten minutes of building.
tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust with rustup" >&2; exit 2; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || { \
		echo "a C compiler is missing: apt-get install build-essential" >&2; exit 2; }
	@for tool in c++ make perl; do command -v $$tool >/dev/null || { \
		echo "$$tool is missing, which the Kafka client is built with: apt-get install build-essential" >&2; exit 2; }; done

PARTS := tests/parts/parts
# Thirty topics on one set of brokers, of which the tests beside it would have nothing.
ALONE := $(CARGO) test --workspace --locked --test it -- --ignored kafka::tampered

.PHONY: tools parts up down demo release test test-long test-faults bench profile lint fmt python telemetrygen outside litewitness peers help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: release ## the main job on the embedded default: 10,000 records in, masked, sealed, written twice, verified, a tampering caught
	$(RELEASE)/sealtrail demo

# What is shipped is compiled with a profile of a run: which branches were taken and which calls were hot. It lies in the
# repository, since making it takes a build of its own. A function that has changed since is compiled as if there were none.
# It knows functions by names that follow from cargo's target, features and profile settings: hence the same ones for both builds.
PROFILE := $(wildcard benches/sealtrail.profdata)
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
RELEASE := $(CARGO_TARGET_DIR)/$(if $(PROFILE),$(HOST)/)release
PROFILES := $(SEALTRAIL_CACHE)/profiles
PROFILED := $(if $(PROFILE),$(PROFILES)/$(shell sha256sum $(PROFILE) | cut -c1-16).profdata)
OPTIMISED := $(if $(PROFILE),CARGO_BUILD_TARGET=$(HOST) RUSTFLAGS=-Cprofile-use=$(PROFILED))

# By its content, and never written again: cargo builds all anew behind a profile that is newer.
$(PROFILES)/%.profdata: | $(PROFILE)
	mkdir -p $(PROFILES)
	cp $(PROFILE) $@

release: tools $(PROFILED) ## the binary that is shipped; says where it lies (`PROFILE=`: a plain one, as `cargo build --release` makes it)
	$(OPTIMISED) $(CARGO) build --release --locked --bin sealtrail
	@echo $(RELEASE)/sealtrail

test: tools python telemetrygen outside litewitness parts ## every test, with a tenth of the lengths of test-long
	$(CARGO) test --workspace --locked
	$(ALONE)
	$(SEALTRAIL_PYTHON) tests/vectors.py check
	tests/parts/selftest.py

test-long: tools python telemetrygen outside litewitness parts ## every test at full length: 100 kills, 10,000 disk seeds, 10 minutes of fuzzing
	SEALTRAIL_KILLS=100 SEALTRAIL_SEEDS=10000 SEALTRAIL_ARCHIVES=1000 SEALTRAIL_FUZZ_SECONDS=600 $(CARGO) test --workspace --locked
	$(ALONE)
	$(SEALTRAIL_PYTHON) tests/vectors.py check
	tests/parts/selftest.py

# Three lanes, each with brokers of its own: rows wait most of the time, and those of one lane break the same things.
FAULT_LANES := "faults::stream faults::nothing" "faults::archive" "faults::kills faults::machine"
test-faults: tools python parts ## every fault at full length, on the real Kafka and S3: about half an hour; prints seeds and a table
	rm -f $(CARGO_TARGET_DIR)/faults.md
	$(CARGO) test --locked --test it --no-run
	@export SEALTRAIL_FAULT_SECONDS=60 SEALTRAIL_FREEZE_SECONDS=120 SEALTRAIL_KILLS=200 SEALTRAIL_BACKLOG_MIB=1024; \
	lanes=; failed=0; \
	for rows in $(FAULT_LANES); do \
		$(CARGO) test --locked --test it -- $$rows --skip kafka:: --skip s3:: --include-ignored --test-threads=1 --nocapture & \
		lanes="$$lanes $$!"; \
	done; \
	for lane in $$lanes; do wait $$lane || failed=1; done; \
	cat $(CARGO_TARGET_DIR)/faults.md; exit $$failed

parts: ## the real Kafka, Toxiproxy and S3 servers of the tests: fetches and builds what the cache lacks
	$(PARTS) prepare

up: ## a real Kafka and S3 server to try things on; prints the configuration for `sealtrail collect`
	@$(PARTS) developer --dir $(SEALTRAIL_CACHE)/up

down: ## ends what `up` started; what it stored stays in SEALTRAIL_CACHE/up
	@$(PARTS) down --dir $(SEALTRAIL_CACHE)/up

bench: release peers ## speed of the shipped binary and of its parts, as ratios and CPU time (`PROFILE=`: of a plain one)
	SEALTRAIL_BENCH_BINARY=$(RELEASE)/sealtrail SEALTRAIL_PEERS=$(PEERS) $(CARGO) bench --locked

# Counted by the binary alone, built as `release` does: beside a bench it would have other features, and other names.
COUNTS := $(CARGO_TARGET_DIR)/counts
COUNTING := CARGO_BUILD_TARGET=$(HOST) RUSTFLAGS=-Cprofile-generate=$(COUNTS)
PROFDATA = $(shell rustc --print sysroot)/lib/rustlib/$(HOST)/bin/llvm-profdata
profile: tools parts ## renews the profile that `release` is compiled with: before a release, half an hour
	@test -x $(PROFDATA) || { echo "llvm-profdata is missing: rustup component add llvm-tools" >&2; exit 2; }
	rm -rf $(COUNTS)
	$(COUNTING) $(CARGO) build --release --locked --bin sealtrail
	SEALTRAIL_BENCH_BINARY=$(CARGO_TARGET_DIR)/$(HOST)/release/sealtrail $(CARGO) bench --locked --bench collect
	for batch in first second third fourth fifth sixth; do python3 tests/corpus/generate.py --batch $$batch; done \
		| $(CARGO_TARGET_DIR)/$(HOST)/release/sealtrail rules test --jsonl > $(COUNTS)/masked
	$(PROFDATA) merge --sparse -o benches/sealtrail.profdata $(COUNTS)/*.profraw
	rm -rf $(COUNTS)

# Masking by the OpenTelemetry Collector's processors, for `benches/mask.rs`; without a Go toolchain it says what it lacks.
PEERS := $(SEALTRAIL_CACHE)/go/bin/peers
peers:
	@if command -v go >/dev/null; then cd benches/peers && go build -trimpath -ldflags="-s -w" -o $(PEERS) .; fi

lint: ## formatting, clippy, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --all-features check bans licenses sources; else echo "cargo-deny is not installed: licences not checked"; fi

fmt: ## formats the code
	$(CARGO) fmt --all

python: $(SEALTRAIL_CACHE)/python/.of-$(shell sha256sum tests/requirements.txt | cut -c1-16)

# Python with the OpenTelemetry SDK, DuckDB, Spark and the reference cryptography, for tests only.
$(SEALTRAIL_CACHE)/python/.of-%: tests/requirements.txt
	tests/setup-python.sh $(SEALTRAIL_CACHE)/python tests/requirements.txt
	touch $@

# OpenTelemetry's own load tool; without a Go toolchain its test says that it proved nothing.
telemetrygen:
	@if [ ! -x $(SEALTRAIL_CACHE)/go/bin/telemetrygen ] && command -v go >/dev/null; then \
		GOBIN=$(SEALTRAIL_CACHE)/go/bin go install github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.155.0; fi

# Readers of transparency logs that are not ours, in the versions of tests/outside/go.sum.
outside: $(SEALTRAIL_CACHE)/go/.outside-$(shell cat tests/outside/go.sum tests/outside/main.go | sha256sum | cut -c1-16)

$(SEALTRAIL_CACHE)/go/.outside-%: tests/outside/go.mod tests/outside/go.sum tests/outside/main.go
	python3 tests/outside/build.py $(SEALTRAIL_CACHE)/go/bin
	touch $@

litewitness: python # a witness that is not ours: built into the cache, with a Go toolchain that is fetched where there is none
	$(SEALTRAIL_PYTHON) tests/witness/litewitness.py prepare

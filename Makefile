# What is done often, by people and by CI alike. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Tests at one time: half as many again as there are processors, since many of them wait.
TESTS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 3 / 2 )))
# Where .ci/tools puts what it installs.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

.PHONY: help build run dashboard browser test tools lint deny fresh rust-tests doc-tests audit bench fmt

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

build: bundle ## the release binary, target/release/postrider, with the dashboard in it
	cargo build --release --locked -p postrider

# What is embedded: see crates/dashboard.
.PHONY: bundle
bundle:
	cd dashboard && npm ci --no-audit --no-fund && npm run build

dashboard: bundle ## the dashboard: formatting, lints, types, unit tests, bundle
	cd dashboard && npm run check && npm test
	cd tests/browser && ../../dashboard/node_modules/.bin/biome check --error-on-warnings .

browser: bundle debug ## drives the binary with the dashboard in it in a real Chromium
	.ci/chromium
	cd tests/browser && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund
	dashboard/node_modules/.bin/tsc -p tests/browser
	cd tests/browser && npm test

run: build ## builds, then serves on 127.0.0.1:8071 with SQLite in ./data
	exec $(TARGET)/release/postrider serve --dev

test: ## everything CI checks
	$(MAKE) --no-print-directory tools
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory deny
	$(MAKE) --no-print-directory fresh
	$(MAKE) --no-print-directory dashboard
	$(MAKE) --no-print-directory rust-tests
	$(MAKE) --no-print-directory doc-tests
	$(MAKE) --no-print-directory browser

tools: ## installs cargo-nextest and cargo-deny where they are missing
	.ci/tools

lint: ## formatting and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --bin postrider --features postrider/failpoints --locked -- -D warnings

deny: ## forbidden crates, licences and sources
	cargo deny --locked check bans licenses sources

# Binaries and tests in one go, with one set of features: nothing is compiled twice, and
# the black-box tests find $(TARGET)/debug/postrider.
.PHONY: debug
debug:
	cargo build --workspace --all-targets --locked

fresh: debug ## checked-in generated files are what the code says
	$(TARGET)/debug/postrider-bench regen --check

rust-tests: debug ## unit, conformance and black-box tests
	cargo nextest run --workspace --locked --profile default --test-threads $(TESTS)

doc-tests: ## the examples in postrider-verify's documentation
	cargo test --doc --locked -p postrider-verify --all-features

audit: ## known vulnerabilities among the dependencies; needs the network
	.ci/tools
	cargo deny check advisories

bench: ## deliveries per second, as a ratio to the direct ceiling
	cargo xtask bench

fmt: ## formats the sources
	cargo fmt --all
	cd dashboard && npm run format
	cd tests/browser && ../../dashboard/node_modules/.bin/biome check --write .

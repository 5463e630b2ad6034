# Every step of the project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# What goes wrong on purpose takes minutes of its own; vm.bats needs a virtual machine.
FAULTS := $(wildcard $(addprefix bats/,crash.bats disk.bats drift.bats load.bats probe.bats security.bats uplinks.bats))
BATS := $(filter-out bats/vm.bats $(FAULTS),$(wildcard bats/*.bats))
# musl makes it a tenth of the size, and it starts twice as fast.
CNI_CC := $(shell command -v musl-gcc || echo gcc)
MOCHA := node_modules/.bin/mocha --recursive

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-16s %s\n", $$1, $$2 }'

node_modules: package.json package-lock.json
	npm ci --no-fund --no-audit
	touch node_modules

.PHONY: build
build: node_modules ## compile; makes bin/net-routed
	node_modules/.bin/tsc -p tsconfig.json
	src/bundle.sh
	mkdir -p bin
	install -m 0755 src/net-routed.sh bin/net-routed

.PHONY: cni
cni: bin/cni/net-routed ## the executable for CNI runtimes, under all its names
	ln -sfn net-routed bin/cni/mesos-cni-port-mapper
	ln -sfn net-routed bin/cni/dcos-l4lb

bin/cni/net-routed: native/cni.c
	mkdir -p bin/cni
	$(CNI_CC) -std=c11 -Os -static -s -Wall -Wextra -Werror -o $@ $<

.PHONY: lint
lint: node_modules ## eslint, formatting, shellcheck
	node_modules/.bin/eslint src test
	node_modules/.bin/prettier --check --log-level warn src test eslint.config.js
	node_modules/.bin/prettier --check --log-level warn 'bench/**/*.mjs'
	shellcheck -x $$(git ls-files -co --exclude-standard | xargs grep -lE '^#!.*\b(bash|sh|bats)\b|^# shellcheck shell=' --)

.PHONY: format
format: node_modules ## rewrite the sources in the project's format
	node_modules/.bin/prettier --write --log-level warn src test eslint.config.js

.PHONY: test-unit
test-unit: build ## pure, golden, contract and daemon-on-fakes tests; no root needed
	$(MOCHA) --ignore 'dist/test/netns/**' 'dist/test/**/*.test.js'

.PHONY: test-netns
test-netns: build cni ## the kernel layer in scratch namespaces; needs root
	$(MOCHA) 'dist/test/netns/**/*.test.js'

.PHONY: clean
clean: ## remove what the build made
	rm -rf dist bin

.PHONY: bats
bats: build cni ## black box: real dockerd, real FRR, in namespaces; needs root
	bats/all $(BATS)

.PHONY: test
test: ## all of it; installs what is missing
	bats/install podman containernetworking-plugins
	$(MAKE) lint
	$(MAKE) test-unit
	$(MAKE) test-netns
	$(MAKE) bats

.PHONY: test-faults
test-faults: build cni ## crashes, drift, full disks, load and spoofing, on real engines
	bats --timing $(FAULTS)
	FAILOVER=1 bats --timing --filter 'comes back after a failure|has asked in vain' bats/duplicates.bats

.PHONY: test-engines
test-engines: ## the bats files against Docker 26.1 and 28.5 of newer Debian suites
	bats/install debootstrap
	bats/engines

.PHONY: test-frr
test-frr: build ## the routing daemon's configuration with FRR 10 of newer Debian suites
	bats/install debootstrap
	FILES='bats/routing-config.bats bats/uplinks.bats bats/graceful.bats' bats/engines

.PHONY: test-vm
test-vm: ## what needs a kernel of its own: the plugin container with --privileged, in a virtual machine
	bats/install qemu-system-x86 kmod cpio xz-utils zstd binutils systemd
	bats --timing bats/vm.bats

.PHONY: security
security: ## how little the systemd unit may do, as systemd scores it: 0 (nothing) to 10
	bats/install systemd
	systemd-analyze security --offline=true --threshold=15 --no-pager systemd/net-routed.service

.PHONY: demo
demo: ## three hosts, containers on them, who reaches whom; KEEP=1 leaves them standing
	@KEEP=$(KEEP) bats/demo

.PHONY: demo-down
demo-down: ## remove what `make demo KEEP=1` left
	@bats/demo down

.PHONY: image
image: build ## the container image routed-plugin
	bats/image

.PHONY: install
install: build ## the program and the systemd units onto this host
	systemd/install

.PHONY: install-cni
install-cni: build cni ## the same, and the CNI plugins with what they need
	systemd/install --cni

.PHONY: bench
bench: ## side by side with Docker's bridge driver, ratios; needs root
	bats/install containernetworking-plugins
	bench/run $(BENCH_FLAGS)

.PHONY: bench-routing
bench-routing: build cni ## what a router loses when something happens, against FRR set up by hand; an hour with all rounds
	bench/run routing routing-bulk $(BENCH_FLAGS)

.PHONY: soak
soak: build ## 50,000 random schedules against the model; NET_ROUTED_SEED replays
	NET_ROUTED_RUNS=$${NET_ROUTED_RUNS:-50000} $(MOCHA) dist/test/model-based.test.js

# make template MESA_VERSION=0.20.0   locks, renders, builds, smoke-tests, deploys and records every template
# make demo                           the same in the stand-in world: no account, nothing to prepare
# make test                           run every check
SHELL := /bin/bash
.DEFAULT_GOAL := help

WORLD := node --import tsx test/world/main.ts
CLI := node dist/mesa-template.js
SOURCES := $(shell find src -type f 2>/dev/null) package.json scripts/build.mjs

# What comes from outside is handed to the shell as a variable, and make expands nothing in it.
override MESA_VERSION := $(value MESA_VERSION)
override ARGS := $(value ARGS)
export MESA_VERSION ARGS

.PHONY: help template demo test check unit e2e build bench world world-env world-down node-packages engine

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

template: build ## lock, render, build, smoke-test, deploy and record: MESA_VERSION=0.20.0 [ARGS=…]
	@if [ -z "$$MESA_VERSION" ]; then echo "Which Mesa version? make template MESA_VERSION=0.20.0" >&2; exit 2; fi
	@set -f; $(CLI) release "$$MESA_VERSION" $$ARGS

demo: engine build ## release and use a template in the stand-in world, in .demo
	@bash scripts/demo.sh

test: engine build ## format, lint, types, rendered files, unit and end-to-end tests
	@bash scripts/test.sh

check: node-packages ## format, types, lint, rendered files and unit tests: what needs no engine
	@bash scripts/check.sh

unit: build ## unit tests, and those of the built program
	@MESA_TEMPLATE_BUILT=1 npx vitest run --project 'unit*' --project program

e2e: engine build ## end-to-end tests only: [TEST=name]
	@npx vitest run --project e2e $(TEST)

bench: engine build ## measure against what people would do instead: [ROW=smoke]
	@bash scripts/ensure-test-tools.sh
	@node --import tsx test/bench/main.ts $(ROW)

world: engine node-packages ## start the stand-in world
	@$(WORLD) start

world-env: node-packages ## print the export lines that point a shell at the world
	@$(WORLD) env

world-down: node-packages ## stop the world
	@$(WORLD) down

build: dist/help.txt ## bundle the program into dist/

dist/help.txt: $(SOURCES) | node-packages
	@npm run --silent build

node-packages:
	@bash scripts/ensure-node-packages.sh

engine: node-packages
	@bash scripts/ensure-engine.sh

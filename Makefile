# plan-and-execute. `make` alone lists what there is to do.

CARGO ?= cargo
PREFIX ?= $(HOME)/.local
RELEASE := target/release
# Where the agent CLIs for tests and demo are; installed at first use, kept for the next.
AGENTS = $$(scripts/setup-agents | tail -n 1)

.DEFAULT_GOAL := help
.PHONY: help setup build test test-long check fmt bench demo docs install uninstall clean \
        plan-check plan-lines plan-table plan-route plan-run plan-report

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

NEED_CARGO = @command -v $(CARGO) >/dev/null || { echo "make: cargo is needed: install Rust (rustup, or your distribution's package)" >&2; exit 1; }

setup: ## install what tests and demo need: agent CLIs and a browser (npm), and jq, into a cache
	$(NEED_CARGO)
	@scripts/setup-agents
	@scripts/setup-browser
	@scripts/setup-peers jq

build: ## build every tool
	$(NEED_CARGO)
	$(CARGO) build --release --bins -p plan-and-execute -p mock-models

test: setup ## run all tests, with the real agent CLIs against a scripted model
	PATH="$$(scripts/setup-peers jq | tail -n 1)/bin:$$PATH" $(CARGO) test --workspace --quiet --no-fail-fast

test-long: setup ## kill each process of the pipe at 500 random moments
	$(CARGO) test --release --test plan_run five_hundred -- --ignored --nocapture

check: ## format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench: ## start-up and throughput as ratios against named peers
	$(NEED_CARGO)
	$(CARGO) bench --bench ratios

demo: ## from a goal to a commit on a small repository: real agent CLIs, scripted model, no account
	$(NEED_CARGO)
	@scripts/setup-agents >/dev/null
	@echo "building the tools (the first time takes some minutes)"
	@$(CARGO) build --quiet --release --bins -p plan-and-execute -p mock-models
	@DEMO_BIN=$(RELEASE) DEMO_AGENTS=$(AGENTS) scripts/demo/run

docs: ## man pages and shell completions, into target/docs
	$(NEED_CARGO)
	$(CARGO) run --quiet --example docs -- target/docs

install: docs ## install the tools, man pages and completions below PREFIX (~/.local)
	$(CARGO) install --path . --root "$(PREFIX)" --locked --force
	mkdir -p "$(PREFIX)" && cp -R target/docs/share "$(PREFIX)/"
	@echo "installed into $(PREFIX)/bin; put it before /usr/sbin in PATH: there is a system program called route"

uninstall: docs ## remove what install has put below PREFIX
	-$(CARGO) uninstall --root "$(PREFIX)" plan-and-execute
	cd target/docs && find share -type f -exec rm -f "$(PREFIX)/{}" \;

clean: ## remove what was built
	$(CARGO) clean

# The pipes, for a plan of your own: make plan-run PLAN=docs/plans/2026-01-15-slugs.md
PLAN ?=
PIPE := PATH="$(CURDIR)/$(RELEASE):$$PATH" bash -o pipefail -c
NEED_PLAN = @test -n "$(PLAN)" || { echo "make: name the plan: make $@ PLAN=docs/plans/..." >&2; exit 2; }; \
  test -x $(RELEASE)/plan-parse || { echo "make: the tools are not built: run 'make build' first" >&2; exit 1; }

plan-check: ## what is missing in PLAN
	$(NEED_PLAN)
	@$(PIPE) 'plan-parse --check "$$0"' "$(PLAN)"

plan-lines: ## PLAN as lines
	$(NEED_PLAN)
	@$(PIPE) 'plan-parse "$$0"' "$(PLAN)"

plan-table: ## the routing summary of PLAN
	$(NEED_PLAN)
	@$(PIPE) 'plan-parse "$$0" | route --table' "$(PLAN)"

plan-route: ## PLAN as routed lines, with the reasons on stderr
	$(NEED_PLAN)
	@$(PIPE) 'plan-parse "$$0" | route --explain' "$(PLAN)"

plan-run: ## do PLAN: parse, route, execute, verify, ask, remember; again to go on
	$(NEED_PLAN)
	@$(PIPE) 'plan-run "$$0"' "$(PLAN)"

RUN ?=
plan-report: ## the run file RUN as a page, PLAN's unbegun tasks too where it is named
	@test -n "$(RUN)" || { echo "make: name the run file: make $@ RUN=.plan/NAME/run.jsonl" >&2; exit 2; }; \
	  test -x $(RELEASE)/plan-report || { echo "make: the tools are not built: run 'make build' first" >&2; exit 1; }
	@$(PIPE) 'plan-report "$$0" $${1:+"$$1"}' "$(RUN)" $(if $(PLAN),"$(PLAN)")

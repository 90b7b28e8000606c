# Everything is done by make: `make help` lists what.
# Nothing is installed outside bin/ but the Debian packages that tests ask for; their
# daemons are not started (RUNLEVEL=1), tests run their own.

GO      ?= go
BIN     := bin/stoker
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help build demo test quick race lint vet fuzz bench deps clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/stoker
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/stoker

demo: build ## Run the main job by itself: serve, grow under load, shrink, clean up
	@$(BIN) demo --template examples/hello/hello.yaml

test: deps lint race demo ## Set up what tests need and run them all, the demo too

quick: ## Run the tests that need no other server
	$(GO) test ./...

# The race detector needs cgo. Tests run against a real PostgreSQL that .ci/postgres
# starts on loopback in a temporary folder, and stops by its process id.
race: ## Run all tests with the race detector, with real servers where there are any
	@set -e; \
	eval "$$(.ci/postgres start)"; \
	trap '.ci/postgres stop' EXIT INT TERM; \
	CGO_ENABLED=1 $(GO) test -race -timeout 15m ./...

lint: vet ## gofmt, go vet and staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	$(GO) tool staticcheck ./...

vet:
	$(GO) vet ./...

FUZZTIME ?= 20s
fuzz: ## Run each fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

bench: build ## Measure, and print the figures beside their targets
	@$(GO) run ./bench -stoker $(BIN)

PACKAGES := postgresql haproxy python3 python3-yaml wrk docker.io iptables nftables debootstrap prometheus \
	python3-openstackclient python3-heatclient python3-openstacksdk python3-boto3 keystone heat-common \
	python3-zaqar python3-redis redis-server python3-swift
deps: ## Install the Debian packages that tests use (as root, where missing)
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing$$missing"; \
	  (apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing) >/dev/null \
	    || echo "could not install$$missing: tests that need them are skipped"; \
	else echo "missing$$missing: tests that need them are skipped"; fi

clean: ## Remove what was built
	rm -rf bin

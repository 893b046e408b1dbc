# The tasks of Annals. They need Go, git and make (GNU Make 3.81 or newer, any POSIX shell): no C compiler, no
# Docker, and no PostgreSQL, which is found or fetched when it is first wanted.

.DEFAULT_GOAL := help
.SUFFIXES:

# Sorting, matching and messages are the same for everybody, and so is what the programs below print.
export LC_ALL := C
export CGO_ENABLED := 0
# Stamping by go itself fails in a clone that belongs to somebody else; VERSION below does the same, and may not.
export GOFLAGS += -buildvcs=false

# With an empty environment Go does not know where to keep anything: keep it here then.
ifeq ($(strip $(HOME)$(XDG_CACHE_HOME)$(GOCACHE)),)
export GOCACHE := $(CURDIR)/.cache/go-build
endif
ifeq ($(strip $(HOME)$(GOPATH)$(GOMODCACHE)),)
export GOPATH := $(CURDIR)/.cache/go
export GOFLAGS += -modcacherw
endif

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X main.version=$(VERSION)

# FLAGS are added to `go test`, PKG narrows it, ARGS are added to what `run` and `bench` start.
PKG ?= ./...
FLAGS ?=
ARGS ?=
FUZZTIME ?= 10s
REQUESTS ?= 1000000
MUTATIONS ?= 10000
SEED ?= 0
FROM ?= 0

# Asked of `go version` itself, from outside the module: within it an old go would answer by fetching a new one,
# or by many lines about that.
GO_NEEDED := $(shell sed -n 's/^go \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' go.mod)
GO_HERE := $(shell cd / && GOTOOLCHAIN=local '$(GO)' version 2>/dev/null | sed -n 's/^go version .*\(go[0-9][^ ]*\).*/\1/p')
GO_OLD := $(shell echo '$(GO_HERE:go%=%) $(GO_NEEDED)' | awk '{ split($$1, is, "."); split($$2, needed, "."); \
	if (is[1] + 0 < needed[1] + 0 || (is[1] + 0 == needed[1] + 0 && is[2] + 0 < needed[2] + 0)) print "old" }')

# One plain line, and nothing of make's around it: $(error) and a recipe that fails add words of their own. A make that
# was asked a question (-q) runs nothing, says nothing, and fails since what needs Go is not there.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
ifneq ($(or $(GO_OLD),$(if $(GO_HERE),,none)),)
$(shell echo 'Annals needs Go $(GO_NEEDED) or newer and $(if $(GO_HERE),this is $(GO_HERE),there is none here); get it from https://go.dev/dl/' >&2)
MAKEFLAGS += -q
endif
endif

.PHONY: help go run build test race check fmt vet lint arch verify generate bench fuzz test-clients test-graphql test-openapi test-kurrentdb test-esdbfake test-audit soak clean

help: ## list the tasks
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

go:
	@:

run: build ## build, start on http://127.0.0.1:8080 with a PostgreSQL of its own, data in ./annals-data
	@exec bin/annals serve --port-fallback $(ARGS)

build: go ## build bin/annals
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/annals ./cmd/annals

test: go ## run all tests on a real PostgreSQL; PKG=./domain/... narrows, FLAGS="-run X" is passed on
	$(GO) test -timeout 20m $(FLAGS) $(PKG)

race: go ## run the tests with the race detector, which needs a C compiler
	CGO_ENABLED=1 $(GO) test -race -timeout 40m $(FLAGS) $(PKG)

check: fmt vet lint arch verify ## everything a change must pass beside the tests

fmt: go
	@bad=$$(find . -name '.?*' -prune -o -name node_modules -prune -o -name '*.go' -exec "$$($(GO) env GOROOT)/bin/gofmt" -l {} +) || exit 1; \
	[ -z "$$bad" ] || { echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; }

vet: go
	$(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...

# The linter has a module of its own, so that its dependencies are not ours.
lint: go
	$(GO) tool -modfile=internal/tools/go.mod staticcheck ./...

arch: go
	$(GO) test -count=1 ./internal/arch

# What is generated is committed: generating again must change nothing, in a dirty tree too.
verify: go
	@before=$$(find . -name '.?*' -prune -o -type f -name '*.go' -print | sort | xargs cksum | cksum); \
	$(GO) generate ./... || exit 1; \
	after=$$(find . -name '.?*' -prune -o -type f -name '*.go' -print | sort | xargs cksum | cksum); \
	[ "$$before" = "$$after" ] || { echo "generated code was not up to date: see git diff, and commit it"; exit 1; }

generate: go ## write generated code again
	$(GO) generate ./...

bench: build ## measure the budgets of docs and their ceilings; SHORT=1 takes two minutes on smaller data
	@exec bin/annals bench $(if $(SHORT),--short) $(ARGS)

fuzz: go ## run every fuzz target for FUZZTIME (10s)
	@grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null || exit 1; \
		done || exit 1; \
	done

test-clients: build ## point real producers (openlineage-python, dbt) at a server of its own; needs Python
	@exec sh examples/test-clients.sh

test-kurrentdb: go ## hold a real EventStoreDB or KurrentDB to the contract: KURRENTDB=esdb://...
	KURRENTDB='$(KURRENTDB)' $(GO) test -count=1 -tags kurrentdb -run TestContractAgainstARealServer -timeout 30m $(FLAGS) ./eventstore/esdb

test-esdbfake: go ## show that our EventStoreDB for tests answers as real ones do: suites of two of its clients; needs Node
	cd internal/esdbfake/fidelity && $(GO) vet . && $(GO) test -count=1 -timeout 20m -v $(FLAGS) .

# The controls come first: with the first wall down the second one must keep everything back, and with both down the soak
# must find what belongs to others. Then the first wall by itself, and last both, as servers have them.
soak: go ## ask a server for what belongs to others, REQUESTS times (1000000): SEED and FROM go on with an earlier soak
	$(GO) test -tags unchecked -run '^TestSoak' -count=1 -v ./cmd/annals -soak.requests 10000
	$(GO) test -run '^TestSoakWithoutTheSecondWall$$' -count=1 -v ./cmd/annals -soak.requests 10000
	$(GO) test -run '^TestSoak$$' -count=1 -v -timeout 24h ./cmd/annals -soak.requests $(REQUESTS) -soak.seed $(SEED) -soak.from $(FROM)

test-audit: go ## change history MUTATIONS times (10000) and look whether both verifiers find it; needs Python
	$(GO) test -tags python -count=1 -timeout 20m $(FLAGS) ./audit/verify -mutations $(MUTATIONS)

test-graphql: build ## audit GraphQL over HTTP with graphql-http, and stream with graphql-sse and graphql-ws; needs Node
	@exec sh graphql/audit/run.sh

test-openapi: build ## hold every operation of REST to the OpenAPI document with schemathesis; needs Python
	@exec sh rest/audit/run.sh

clean: ## remove what was built and cached here; data stays
	@rm -rf bin bench-data
	@[ ! -d .cache ] || { chmod -R u+w .cache; rm -rf .cache; }

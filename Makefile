# partner-operator. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# IMG is the image that `make docker-build` makes and `make deploy` runs.
IMG ?= partner-operator:latest
# LAYOUT is how `make deploy` and `make build-installer` lay the operator out; config/overlays holds others.
LAYOUT ?= config/default
# KUBECTL is what `make install`, `make deploy` and their opposites talk to a cluster with.
KUBECTL ?= kubectl
# ONCE=1 lets `make demo` walk the main job by itself and end.
ONCE ?=
# ONLY is a regular expression of the pages that `make screenshots` takes, or of what `make bench` measures; empty: all.
ONLY ?=

# E2E_WAYS are how `make e2e` installs the operator, in turn. E2E_FORCE=1 also uses a cluster that has the kinds, and
# removes them with all that there is of them; E2E_KEEP=1 leaves everything as it is when a step fails.
E2E_WAYS ?= kustomize,helm
E2E_FORCE ?=
E2E_KEEP ?=

# The modules: the product, and what people and tests run beside it.
MODULES := . hack test test/cluster test/gitops test/install test/observe test/browser
TOOLS := bin/tools
CONTROLLER_GEN := $(TOOLS)/controller-gen
GOLANGCI_LINT := $(TOOLS)/golangci-lint
CRD_REF_DOCS := $(TOOLS)/crd-ref-docs
KUSTOMIZE := $(TOOLS)/kustomize
CHART := charts/partner-operator

# The packages whose rights each part of the operator has: what both import, and its own.
SHARED_RIGHTS := $(addprefix paths=./internal/,accept brandbook keyring lookup tombstone)
CONTROLLERS_RIGHTS := $(SHARED_RIGHTS) $(addprefix paths=./internal/,controller courier keyring/mint webhook)
PORTAL_RIGHTS := $(SHARED_RIGHTS) paths=./internal/portal

##@ Use

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"; printf "Usage: make TARGET\n"} /^[a-zA-Z0-9_-]+:.*##/ {printf "  %-16s %s\n", $$1, $$2} /^##@/ {printf "\n%s\n", substr($$0, 5)}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build-demo ## Run everything on this machine and say what to open; ONCE=1 walks the main job unattended.
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) bin/demo $(if $(ONCE),-once)

.PHONY: test
test: test-unit test-server test-demo ## Run all tests: unit, against a real API server, and the demo's walk.

##@ Develop

.PHONY: build
build: ## Build bin/partner-operator, bin/kubectl-partner and what completes its words.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/partner-operator ./cmd
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/kubectl-partner ./cmd/kubectl-partner
	@bin/kubectl-partner completion kubectl > bin/kubectl_complete-partner && chmod +x bin/kubectl_complete-partner

.PHONY: test-unit
test-unit: ## Run the tests that need nothing but Go.
	go test ./...

# Go takes an earlier result for the present one as long as nothing within the module has changed. These suites test what is
# outside of theirs: the binary, config, the chart. Two at a time, since most of them wait most of the time.
UNCACHED := GOFLAGS="$$GOFLAGS -count=1"
# BUILT=1 says that the binaries are there, and nobody must make them anew meanwhile.
BUILT ?=

.PHONY: test-server
test-server: build ## Run the suites that need a control plane or a mail server.
	@hack/controlplane/build.sh >/dev/null
	$(MAKE) --no-print-directory -j2 -Otarget BUILT=1 test-e2e test-suites
	$(MAKE) --no-print-directory e2e-loopback OPTIONAL=1
	@test/browser/install.sh
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) $(UNCACHED) go test -C test/browser -timeout 10m

.PHONY: test-e2e
test-e2e: $(if $(BUILT),,build) ## Run the specs of the binary, but for the portal's.
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) $(UNCACHED) go test -C test -timeout 25m ./e2e -ginkgo.label-filter='!portal'

.PHONY: test-suites
test-suites: $(if $(BUILT),,build) ## Run the other suites, and the portal's specs.
	@# What a machine lacks is said here, since go test says nothing of what is skipped.
	@for program in postfix exim prometheus; do hack/clients/debian.sh $$program >/dev/null || true; done
	export KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) $(UNCACHED) && \
	go test -C hack -timeout 10m ./... && go test -C test -p 1 -timeout 10m $$(go list -C test ./... | grep -v /e2e) && \
	for suite in cluster gitops install observe; do go test -C test/$$suite -timeout 5m ./... || exit 1; done
	$(MAKE) --no-print-directory test-portal

# Data races are looked for by what a C compiler makes; without one the same specs run, and it is said.
.PHONY: test-portal
test-portal: $(if $(BUILT),,build) ## Run the portal's specs while people click at once, against an operator that reports data races.
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) && export KUBEBUILDER_ASSETS && \
	if command -v "$$(go env CC)" >/dev/null; then \
		export CGO_ENABLED=1 OPERATOR=$(CURDIR)/bin/race/partner-operator && set -x && \
		go build -race -o $$OPERATOR ./cmd && go test -race ./internal/portal ./internal/accept ./internal/keylock ./internal/brandbook ./internal/tombstone ./internal/controller ./internal/courier/... ./internal/webhook ./internal/watch ./internal/keyring; \
	else \
		echo 'WARNING: there is no C compiler, so data races are NOT looked for; install gcc to have them found.'; \
	fi && go test -C test -count=1 -timeout 15m ./e2e -ginkgo.label-filter=portal

.PHONY: test-faults
test-faults: build ## Let everything go wrong while mails are under way, and count them; make test has a short form.
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) FAULTS=full \
	go test -C test -count=1 -v -timeout 30m ./e2e -ginkgo.label-filter=faults

.PHONY: test-hostile
test-hostile: build ## Let one tenant do its worst and print how long another one waits, alone and beside it (a minute); make test has a short form.
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) HOSTILE=full \
	go test -C test -count=1 -v -timeout 30m ./e2e -ginkgo.label-filter=hostile

.PHONY: test-neighbors
test-neighbors: build ## Let the mail of one tenant fail in every way, and measure how long another one's takes; make test has a short form.
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) FAULTS=full \
	go test -C test -count=1 -v -timeout 30m ./e2e -ginkgo.label-filter='neighbors || answers'

.PHONY: test-clients
test-clients: build ## Run the programs of others that keep a cluster as Git says beside the operator, the first time after building them.
	KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) CLIENTS=1 go test -C test -count=1 -v -timeout 40m ./clients/...

# FULL=1 lets `make bench` measure sizes that take long, too; PROFILE is a folder for profiles of the operator.
FULL ?=
PROFILE ?=

.PHONY: bench
bench: build ## Measure the operator on this machine, each figure beside what it is compared with (20 minutes); ONLY=invites for some, FULL=1 for more, PROFILE=FOLDER for profiles.
	@go build -C hack -o $(CURDIR)/bin/bench ./bench
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) bin/bench -only '$(ONLY)' $(if $(FULL),-full) $(if $(PROFILE),-profile $(PROFILE))

# FOR is how long `make soak` lets people use the operator, SEED chooses what happens (empty: the time does), RATE is how
# many operations there are in a second, RACE=1 takes an operator that reports data races, which needs a C compiler.
FOR ?= 30m
SEED ?=
RATE ?= 4
RACE ?=

.PHONY: soak
soak: build ## Use two replicas for FOR=30m while things go wrong, and check that nothing is lost, comes twice or grows; SEED=, RATE=, RACE=1.
	@$(if $(RACE),CGO_ENABLED=1 go build -race -o bin/race/partner-operator ./cmd)
	@go build -C hack -o $(CURDIR)/bin/soak ./soak
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) bin/soak -for $(FOR) -rate $(RATE) $(if $(SEED),-seed $(SEED)) $(if $(RACE),-operator bin/race/partner-operator)

.PHONY: e2e
e2e: ## Walk the main job on the cluster that KUBECONFIG names, and on whose nodes the image IMG is; see docs/development.md.
	@go build -C test/cluster -o $(CURDIR)/bin/e2e . && \
	bin/e2e -image $(IMG) -ways $(E2E_WAYS) $(if $(E2E_FORCE),-force) $(if $(E2E_KEEP),-keep)

# OPTIONAL=1 lets `make e2e-loopback` do nothing but say so where the system lets it make no networks.
OPTIONAL ?=

.PHONY: e2e-loopback
e2e-loopback: image-archive ## Walk the same on this machine alone, with a control plane and a node that runs pods as processes (Linux, 3 minutes).
	@go build -C test/cluster -o $(CURDIR)/bin/loopback ./loopback && go build -C test/cluster -o $(CURDIR)/bin/e2e . && \
	export KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) && \
	bin/loopback -archive dist/partner-operator.tar -log dist/loopback.log bin/e2e -image $(IMG) -ways $(E2E_WAYS); code=$$?; \
	if [ $$code = 77 ] && [ -n '$(OPTIONAL)' ]; then \
		echo 'WARNING: the walk on a cluster is NOT run; see above why.'; \
	else \
		exit $$code; \
	fi

.PHONY: test-demo
test-demo: build-demo ## Walk the main job in the demo.
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) bin/demo -once

.PHONY: screenshots
screenshots: build ## Write a picture of every page of the portal to dist/screenshots; ONLY=dashboard for some.
	@test/browser/install.sh
	@KUBEBUILDER_ASSETS=$$(hack/controlplane/build.sh) && export KUBEBUILDER_ASSETS && \
	go run -C test/browser ./screenshots -root $(CURDIR) -only '$(ONLY)'

.PHONY: controlplane
controlplane: ## Build etcd, kube-apiserver, kube-controller-manager and kubectl from their modules, once.
	@hack/controlplane/build.sh

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generate the deep copies of the kinds.
	$(CONTROLLER_GEN) object paths=./api/...

.PHONY: manifests
manifests: $(CONTROLLER_GEN) ## Generate the CRDs, and the RBAC of the operator and of each of its parts.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=partner-operator $(CONTROLLERS_RIGHTS) $(PORTAL_RIGHTS) output:rbac:artifacts:config=config/rbac
	$(CONTROLLER_GEN) rbac:roleName=partner-operator-controllers $(CONTROLLERS_RIGHTS) output:rbac:artifacts:config=config/rbac/controllers
	$(CONTROLLER_GEN) rbac:roleName=partner-operator-portal $(PORTAL_RIGHTS) output:rbac:artifacts:config=config/rbac/portal
	$(CONTROLLER_GEN) rbac:roleName=partner-operator-metrics paths=./internal/metrics output:rbac:artifacts:config=config/rbac/metrics
	@# The chart says the same, from copies: a chart holds all that it needs.
	rm -rf $(CHART)/files && cd $(CHART) && mkdir -p files/crd files/rbac files/guard files/people files/policy files/prometheus
	cp config/crd/bases/*.yaml $(CHART)/files/crd
	cp config/rbac/people/*.yaml $(CHART)/files/people
	cp config/policy/*.yaml $(CHART)/files/policy
	cp config/rbac/guard/*.yaml $(CHART)/files/guard
	cp config/prometheus/rules.yaml config/prometheus/service_monitor.yaml config/prometheus/dashboard.json $(CHART)/files/prometheus
	rm $(CHART)/files/*/kustomization.yaml
	cp config/rbac/role.yaml $(CHART)/files/rbac/role.yaml
	for part in controllers portal metrics; do cp config/rbac/$$part/role.yaml $(CHART)/files/rbac/$$part.yaml || exit 1; done

.PHONY: reference
reference: $(CRD_REF_DOCS) ## Generate docs/reference.md, the fields of every kind.
	$(CRD_REF_DOCS) --config hack/reference/config.yaml --templates-dir hack/reference --source-path api/v1alpha1 \
		--renderer markdown --output-path docs/reference.md --log-level ERROR

.PHONY: fmt
fmt: ## Format the code.
	gofmt -w api cmd internal hack test

.PHONY: vet
vet: ## Run go vet over all modules.
	for module in $(MODULES); do go vet -C $$module ./... || exit 1; done

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run the linters over all modules.
	$(GOLANGCI_LINT) run
	@# What runs beside the product starts programs and reads files by design, on loopback.
	for module in $(filter-out .,$(MODULES)); do (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run --config $(CURDIR)/.golangci.yml --disable gosec) || exit 1; done

.PHONY: verify
verify: generate manifests reference fmt ## Fail if generated files or formatting are not current, or go.mod is not tidy.
	for module in $(MODULES) hack/tools; do go mod tidy -C $$module || exit 1; done
	@git diff --exit-code || { echo 'verify: the files above were not current; commit them'; exit 1; }
	@test -z "$$(git status --porcelain)" || { git status --short; echo 'verify: commit the files above'; exit 1; }

.PHONY: docker-build
docker-build: ## Build the image IMG.
	docker build -t $(IMG) .

# PLATFORMS are what the image archive is for: the machines of the cluster.
PLATFORMS ?= linux/$$(go env GOARCH)

.PHONY: image-archive
image-archive: ## Write the image IMG as an OCI archive to dist, without a container engine; PLATFORMS="linux/amd64 linux/arm64" for several.
	@binaries= && export CGO_ENABLED=0 && for platform in $(PLATFORMS); do \
		folder=dist/image/$$platform && export GOOS=$${platform%%/*} GOARCH=$$(echo $$platform | cut -d/ -f2) && \
		go build -trimpath -ldflags '-s -w' -o $$folder/partner-operator ./cmd && \
		go build -C hack -trimpath -ldflags '-s -w' -o $(CURDIR)/$$folder/agent ./agent/cmd && \
		binaries="$$binaries $$platform=$$folder/partner-operator,$$folder/agent" || exit 1; \
	done && unset GOOS GOARCH && go build -C hack -o $(CURDIR)/dist/image/image ./image && \
	dist/image/image -name $(IMG) -to dist/partner-operator.tar $$binaries

.PHONY: build-installer
build-installer: $(KUSTOMIZE) ## Write all that installs the operator from the image IMG into one file, dist/install.yaml.
	@mkdir -p dist && $(KUSTOMIZE) build $(LAYOUT) > dist/operator.yaml && $(KUSTOMIZE) build config/crd > dist/kinds.yaml && \
	{ echo '# The kinds, the namespace and the operator: kubectl apply --server-side -f install.yaml' && \
	echo '# Deleting by this file would delete the kinds, and with them every program, invite and partner.' && \
	cat dist/kinds.yaml && echo --- && cat config/namespace/namespace.yaml && echo --- && \
	sed 's|image: partner-operator:latest|image: $(IMG)|' dist/operator.yaml; } > dist/install.yaml && \
	rm dist/operator.yaml dist/kinds.yaml && echo 'dist/install.yaml installs $(IMG), laid out as in $(LAYOUT)'

.PHONY: schemas
schemas: ## Write a JSON schema of each kind to dist/schemas, for kubeconform and editors.
	@go run -C hack ./schemas/cmd -crds $(CURDIR)/config/crd/bases -to $(CURDIR)/dist/schemas

.PHONY: clean
clean: ## Remove what was built here; the control plane in the user's cache stays.
	rm -rf bin dist

##@ Run in a cluster

.PHONY: install
install: ## Install the kinds into the current cluster.
	$(KUBECTL) apply --server-side -k config/crd

.PHONY: uninstall
uninstall: ## Remove the kinds, and with them every program, invite and partner there is.
	$(KUBECTL) delete --ignore-not-found -k config/crd

.PHONY: deploy
deploy: install ## Run the operator in the current cluster; edit config/environment/operator.env first. LAYOUT=config/overlays/split for another layout.
	@# A namespace that is there can be somebody else's, with labels that an apply of ours could take away.
	$(KUBECTL) get namespace partner-operator-system >/dev/null 2>&1 || $(KUBECTL) create -k config/namespace
	$(KUBECTL) kustomize $(LAYOUT) | sed 's|image: partner-operator:latest|image: $(IMG)|' | $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: ## Remove the operator, laid out as LAYOUT says, from the current cluster; the kinds, all partners and the signing keys stay.
	$(KUBECTL) delete --ignore-not-found -k $(LAYOUT)

##@ Parts

.PHONY: build-demo
build-demo: build
	@go build -C hack -o $(CURDIR)/bin/demo ./demo

$(CONTROLLER_GEN): hack/tools/go.mod hack/tools/go.sum
	go build -C hack/tools -o $(CURDIR)/$@ sigs.k8s.io/controller-tools/cmd/controller-gen

$(GOLANGCI_LINT): hack/tools/go.mod hack/tools/go.sum
	go build -C hack/tools -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(KUSTOMIZE): hack/tools/go.mod hack/tools/go.sum
	go build -C hack/tools -o $(CURDIR)/$@ sigs.k8s.io/kustomize/kustomize/v5

$(CRD_REF_DOCS): hack/tools/go.mod hack/tools/go.sum
	go build -C hack/tools -o $(CURDIR)/$@ github.com/elastic/crd-ref-docs

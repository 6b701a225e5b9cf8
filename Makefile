# Foresite: the commands of a newcomer and of the gate. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := $(CURDIR)/.foresite/venv/bin
INTEROP := $(CURDIR)/.foresite/interop/bin
HDFS := tests/hdfs/hdfs-cluster
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
STEP := @.ci/step
PINNED_RUST := $(shell sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
CARGO_BIN := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin

export PATH := $(PATH):$(CARGO_BIN)
# Looked up for each recipe, because the first one writes it.
export RUSTUP_TOOLCHAIN = $(or $(shell cat .foresite/toolchain 2>/dev/null),$(PINNED_RUST))
export FORESITE_BIN_DIR ?= $(TARGET)/debug
export FORESITE_PORT ?= 8080
# A binary outside the checkout does not find libtorch by its run path.
ifdef CARGO_TARGET_DIR
export LD_LIBRARY_PATH := $(CURDIR)/.foresite/libtorch/lib:$(LD_LIBRARY_PATH)
endif

.NOTPARALLEL:
.PHONY: help tools setup build lint lint-rust lint-python check test test-rust test-faults test-python smoke-hdfs \
	test-hdfs test-spark test-gpu test-infra hdfs-up hdfs-down cluster-up cluster-down test-cluster images test-images release demo time-machine \
	airflow evaluate-public evaluate-loop bench bench-serving bench-storage bench-images bench-pods fuzz docs screenshots fmt lock deny licences clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

tools: ## Check the machine; fetch Rust, libtorch and the Python environment
	@.ci/setup/setup.sh

setup: build ## Everything that the other targets need

build: tools ## Build the stages and their tests
	$(STEP) build cargo build --workspace --locked

lint: lint-python lint-rust ## Formats, lints and repository checks

lint-rust: tools
	$(STEP) rustfmt cargo fmt --all --check
	$(STEP) locks bash -euc 'for folder in bench/serving crates/*/fuzz; do cargo update --quiet --workspace --locked --manifest-path "$$folder/Cargo.toml"; done'
	$(STEP) clippy cargo clippy --workspace --all-targets --locked -- -D warnings

# The pages of the stages come from their `--help`, so this needs them built. The binary, because
# `cargo xtask` would build its dependencies once more with other features.
check: build ## Generated documents, layering, repository checks
	$(STEP) repository "$(FORESITE_BIN_DIR)/xtask" check

lint-python: tools
	$(STEP) ruff $(VENV)/ruff check airflow .ci docker tests k8s $(HDFS)
	$(STEP) ruff-format $(VENV)/ruff format --check airflow .ci docker tests k8s $(HDFS)
	$(STEP) mypy env -C airflow $(VENV)/mypy
	$(STEP) mypy-tests env -C tests $(VENV)/mypy --python-executable $(INTEROP)/python
	$(STEP) mypy-docker $(VENV)/mypy --strict docker
	$(STEP) mypy-infra env -C k8s/infra/tests $(VENV)/mypy
	$(STEP) mypy-manifests env -C k8s/tests $(VENV)/mypy
	$(STEP) shellcheck $(VENV)/shellcheck --external-sources .ci/run .ci/step .ci/setup/*.sh docker/*.sh \
		tests/images/*.sh tests/cluster/cluster tests/hdfs/*.sh tests/interop/*.sh k8s/infra/tests/*.sh
	$(STEP) hadolint $(VENV)/hadolint docker/Dockerfile docker/airflow.Dockerfile

test: lint check test-rust test-python smoke-hdfs ## Everything that needs no cluster

test-rust: build ## Unit and process tests
	$(STEP) rust-tests cargo test --workspace --locked

test-faults: build ## The same kills as in the gate, only more of them
	$(STEP) faults env FORESITE_KILLS=100 cargo test --workspace --locked --test pipeline crashes -- --nocapture

# No tests collected is exit 5 of pytest, and a failure here.
test-python: build ## The DAGs and their operators; the manifests of k8s/; other readers of the tables
	$(STEP) python-tests env -C airflow $(VENV)/pytest
	$(STEP) manifests env -C k8s/tests $(VENV)/pytest
	$(STEP) scripts env -C tests $(VENV)/pytest
	$(STEP) interop env -C tests $(INTEROP)/pytest interop --ignore=interop/spark

smoke-hdfs: build ## A few minutes against a real HDFS, where Java 17 and Maven are
	$(STEP) hdfs-smoke tests/hdfs/smoke.sh

test-hdfs: build ## Everything against a real HDFS: faults, fail-over, Kerberos, other readers
	$(STEP) hdfs tests/hdfs/all.sh

test-spark: build ## Spark reads the tables (fetches 0.5 GB once)
	$(STEP) spark tests/interop/spark.sh

test-gpu: tools ## Networks trained on a GPU and on the CPU (fetches 2.3 GB once; wants a driver)
	docker/cuda.sh
	$(STEP) gpu env FORESITE_NEED_GPU=1 \
	    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="env LD_PRELOAD=libtorch_cuda.so LD_LIBRARY_PATH=$(CURDIR)/.foresite/cuda:$(CURDIR)/.foresite/libtorch/lib" \
	    cargo test --package foresite-training gpu -- --nocapture

test-infra: build ## Terraform and Ansible of k8s/infra, offline (fetches 0.2 GB once)
	$(STEP) infra k8s/infra/tests/run.sh

hdfs-up: ## A real HDFS on this machine (FORESITE_HDFS_PORT, FORESITE_HDFS_DIR); then: eval "$$(tests/hdfs/hdfs-cluster env)"
	$(HDFS) up --datanodes 3

hdfs-down: ## End that HDFS and delete its data
	$(HDFS) down

cluster-up: ## A real Kubernetes on this machine (the first time: a quarter of an hour to compile it)
	@tests/cluster/cluster up

cluster-down: ## End that Kubernetes and delete its data
	@tests/cluster/cluster down

# Against images that are there: DOCKER_HOST, FORESITE_IMAGE_REPOSITORY and FORESITE_IMAGE_TAG name them.
test-cluster: build ## Airflow and the stages on a real Kubernetes, HDFS and PostgreSQL, and what may go wrong there
	$(STEP) cluster env -C tests $(INTEROP)/pytest cluster/live

images: tools ## One container image per stage (needs a Docker engine)
	@docker/images.sh

test-images: images ## What the images promise: rights, size, start, equal layers, no secrets
	$(STEP) images env -C tests $(INTEROP)/pytest images
	$(STEP) docker-operator env -C airflow FORESITE_NEED_MACHINE=1 $(VENV)/pytest tests/test_docker_operator.py

# FORESITE_IMAGE_REPOSITORY names a registry to push to; without one nothing leaves the machine.
release: tools ## Images of a clean, tagged checkout: built, tested, pushed, digests written (docker/README.md)
	@docker/release.sh build
	$(STEP) images env -C tests FORESITE_NEED_MACHINE=1 FORESITE_IMAGE_TAG="$$(docker/release.sh tag)" $(INTEROP)/pytest images
	@docker/release.sh write

demo: build ## Run the main job on a simulated network; say where its pages are
	@cd airflow && exec $(VENV)/python -m foresite_airflow.demo

# On the demo's data, or on those of FORESITE_DATA_ROOT: make time-machine FROM=2026-03-08T23:00:00Z TO=2026-03-09T03:00:00Z
# MODEL=anomaly=ID instead makes the lists that this model would have made, MODEL="anomaly=ID capacity=ID" those of two.
time-machine: build ## Compute again what was published from FROM to TO, and compare to the last bit
	@cd airflow && exec $(VENV)/python -m foresite_airflow.time_machine "$(FROM)" "$(TO)" $(foreach one,$(MODEL),--model "$(one)")

airflow: build ## Show the DAGs living in the UI, with a simulated network
	@cd airflow && exec $(VENV)/python -m foresite_airflow.living

evaluate-public: build ## Judge the stages on public data (FORESITE_DATA_DIR)
	"$(FORESITE_BIN_DIR)/xtask" evaluate-public

bench: build ## Measure what is never asserted: parse time of the DAGs, stages and peers (docs/performance.md)
	@cd airflow && $(VENV)/python -m tests.measure_parse
	@$(MAKE) -C bench

# PROFILE=release measures what is shipped, PARTS="tables commits" only these.
bench-storage: tools ## Measure storage, HDFS beside Java's client, and what the binaries weigh (docs/performance.md)
	@$(MAKE) -C bench build storage weight table

bench-pods: build ## Measure what a stage's pod costs beyond its process, on the test cluster (docs/performance.md)
	@$(MAKE) -C bench pods table

evaluate-loop: build ## Measure drift, retraining, worklists and rebuilds on simulated networks (docs/loop.md; takes hours)
	@$(MAKE) -C bench loop

bench-images: tools ## Measure what the images weigh and how fast their programs start (docs/performance.md)
	@$(MAKE) -C bench images table

# Some gigabytes of Python packages for the peers. What is shipped, unless PROFILE=dev, or FORESITE_BIN_DIR
# names the binaries.
bench-serving: tools ## Measure the model service beside FastAPI, torch and ONNX Runtime (docs/performance.md)
	@$(MAKE) -C bench build serving table $(if $(filter file,$(origin FORESITE_BIN_DIR)),PROFILE=$(or $(PROFILE),release))

fuzz: tools ## Feed the parsers mutated files and requests, FUZZ_SECONDS (60) each
	@crates/pm/fuzz/run $(or $(FUZZ_SECONDS),60)
	@crates/inference/fuzz/run $(or $(FUZZ_SECONDS),60)

PICTURE := chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
	--disable-component-update --disable-sync --user-data-dir="$$(mktemp -d)" --hide-scrollbars
# Pages of Airflow's UI and their pictures; that of the test cluster (cluster.png) is taken by hand.
PAGES := dags/telecom_data_pipeline=airflow plugin/foresite-worklist=worklist plugin/foresite-models=models \
	plugin/foresite-completeness=completeness

# Chromium (Debian's package `chromium`) and a demo that was run. For the pages also `make airflow` beside a console
# at FORESITE_PORT, as airflow/README.md says; they are given time until their scripts have asked for everything.
screenshots: ## Take the pictures of the documents: the demo's newest report, and Airflow's pages while `make airflow` runs
	@report=$$(ls -d "$(CURDIR)"/.foresite/demo/data/reports/*/report.html 2>/dev/null | tail -n1) || :; \
	[[ -n $$report ]] || { echo "screenshots: no report of the demo: run \`make demo\` first" >&2; exit 1; }; \
	$(PICTURE) --window-size=1280,1350 --screenshot=docs/images/report.png "file://$$report"
	@if ! curl --silent --fail --output /dev/null "http://localhost:$(FORESITE_PORT)/api/v2/version"; then \
		echo "screenshots: of the report only: no Airflow at port $(FORESITE_PORT); start \`make airflow\` beside a console (airflow/README.md)" >&2; \
		exit; \
	fi; \
	for page in $(PAGES); do \
		$(PICTURE) --window-size=1400,1000 --virtual-time-budget=20000 \
			--screenshot="docs/images/$${page#*=}.png" "http://localhost:$(FORESITE_PORT)/$${page%=*}"; \
	done

docs: build ## Write the generated documents anew
	"$(FORESITE_BIN_DIR)/xtask" docs
	@cd airflow && $(VENV)/python -m foresite_airflow.stage_needs page >../docs/reference/stage_needs.md
	@$(VENV)/python k8s/infra/data_root.py page >docs/reference/data_root.md

fmt: tools ## Format everything
	cargo fmt --all
	$(VENV)/ruff check --fix --select I airflow .ci tests k8s
	$(VENV)/ruff format airflow .ci docker tests k8s $(HDFS)

lock: tools ## Lock the Python requirements anew
	.ci/setup/lock.sh

deny: tools ## Licences, bans and sources of the crates (installs cargo-deny: some minutes)
	cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny check bans licenses sources

# Beside `deny`: what is shipped alone, with libtorch and the Python packages of Airflow's image.
licences: tools ## The licence of all that is shipped, as a table; fails on one that is not allowed (no Docker)
	docker/packages.sh
	rm -rf .foresite/bills
	$(VENV)/python docker/bill_of_materials.py .foresite/bills "$(or $(LIBTORCH),.foresite/libtorch)"
	$(VENV)/python docker/licences.py .foresite/bills .foresite/images/airflow/lib deny.toml | tee .foresite/licences.md

clean: ## Remove what was built and the demo's data; the cache stays
	rm -rf "$(TARGET)" .foresite {airflow,tests,k8s/tests}/.{mypy,ruff,pytest}_cache

# The local cluster and its images. CLUSTER=current takes the cluster of the current kubeconfig
# context and the images named by OPERATOR_IMAGE and RUNNER_IMAGE instead of the local ones.
CLUSTER ?= local
SPARK_DEV := $(PYTHON) -m dev
ifeq ($(CLUSTER),current)
SPARK_DEV += current
else ifneq ($(CLUSTER),local)
$(error CLUSTER is `local` or `current`, and not `$(CLUSTER)`)
endif
export OPERATOR_IMAGE RUNNER_IMAGE

.PHONY: tools
tools: ## Install and build what the local cluster needs
	@$(SPARK_DEV) tools

.PHONY: gitea
gitea: ## Build the Gitea that tests of plugins fetch from (minutes, once)
	@$(PYTHON) -m dev gitea

.PHONY: prometheus
prometheus: ## Build Prometheus and promtool, for tests of metrics and alerts (minutes, once)
	@$(PYTHON) -m dev prometheus

.PHONY: checkers
checkers: ## Build what checks the chart and writes its README (a minute, once)
	@$(PYTHON) -m dev checkers

.PHONY: cluster
cluster: ## Bring the local cluster up (CLUSTER=current: check that yours answers)
	@$(SPARK_DEV) up

.PHONY: cluster-down
cluster-down: ## Remove the local cluster and all that it left
	@$(SPARK_DEV) down

.PHONY: kubeconfig
kubeconfig: ## Print the kubeconfig's path (use: make -s kubeconfig)
	@$(SPARK_DEV) kubeconfig

.PHONY: images
images: ## Build the images, unless nothing changed; NEW_BASE=1: with Debian's updates of the day
	@$(SPARK_DEV) image build $(if $(NEW_BASE),--new-base)

.PHONY: sbom
sbom: ## Write a bill of materials (SPDX) of each image into build/sbom
	@$(SPARK_DEV) sbom

.PHONY: licences
licences: ## Write docs/licences.md from the images; fail on a licence that is not allowed
	@$(SPARK_DEV) licences

.PHONY: scan
scan: venv ## Known vulnerabilities of what is in the images: make scan [OSV=folder with PyPI/all.zip]
	@$(BIN)/python -m dev scan $(if $(OSV),--osv $(OSV))

.PHONY: reproduce
reproduce: ## Build both images once more without kept layers; fail where a layer differs
	@$(SPARK_DEV) reproduce

.PHONY: load-images
load-images: images ## Load the images into the local cluster's node
	@$(SPARK_DEV) image load

.PHONY: demo
demo: tools ## The main job for real: a cluster, the chart, a source, two databases, four Integrations
	@$(SPARK_DEV) demo

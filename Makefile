# The tutorial's words for building and deploying: make build, buildx-publish, deploy, remove, proto-gen, test, clean.
#
#   make build IMAGE=registry.example.com/pointsman TAG=0.1.0
#   make deploy IMAGE=registry.example.com/pointsman HELM_INSTALL_NAME=dubbo-go-server-v2 VERSION=v2

IMAGE ?= pointsman
TAG ?= $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
# What is installed or removed: a server (dubbo-go-server-v1, dubbo-go-server-v2), dubbo-go-client, or pointsman.
HELM_INSTALL_NAME ?= dubbo-go-server-v1
# server, client or gateway; by the name where nothing is said.
COMPONENT ?= $(if $(findstring client,$(HELM_INSTALL_NAME)),client,$(if $(findstring server,$(HELM_INSTALL_NAME)),server,gateway))
# Which greeter a server is; by the end of the name where nothing is said.
VERSION ?= $(or $(filter v%,$(lastword $(subst -, ,$(HELM_INSTALL_NAME)))),v1)
NAMESPACE ?= default
PLATFORMS ?= linux/amd64,linux/arm64
# docker, podman or buildah, whichever is here.
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
# debian: built inside on an ordinary base image. scratch: built here, with no base image at all.
TARGET ?= debian
HELM ?= helm
HELM_FLAGS ?=

REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# The same files give the same image: its time is that of the last commit.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# buildx reads it from the environment.
export SOURCE_DATE_EPOCH

ARCHITECTURES = $(subst linux/,,$(PLATFORMS))
DOCKERFILE = deploy/Dockerfile
BUILD_FLAGS = -f $(DOCKERFILE) --build-arg TARGET=$(TARGET) \
  --label org.opencontainers.image.version=$(TAG) --label org.opencontainers.image.revision=$(REVISION)
ifneq ($(BUILDER),docker)
BUILD_FLAGS += --ignorefile $(DOCKERFILE).dockerignore --format docker
endif

PUSH_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help install build build-platforms rootfs buildx-publish deploy remove proto-gen test clean require-builder require-helm

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  IMAGE=$(IMAGE) TAG=$(TAG) TARGET=$(TARGET) BUILDER=$(BUILDER) PLATFORMS=$(PLATFORMS)"
	@echo "  HELM_INSTALL_NAME=$(HELM_INSTALL_NAME) COMPONENT=$(COMPONENT) VERSION=$(VERSION) NAMESPACE=$(NAMESPACE)"

node_modules/.package-lock.json: package.json package-lock.json
	npm ci
	@touch $@

install: node_modules/.package-lock.json

build: require-builder $(if $(filter scratch,$(TARGET)),rootfs) ## the image for this machine, as IMAGE:TAG
	$(BUILDER) build $(BUILD_FLAGS) -t $(IMAGE):$(TAG) .

rootfs: install ## the files of the scratch image, for each of ARCH=amd64,arm64 (default: this machine's)
	npx bun deploy/image/rootfs.ts $(if $(ARCH),--arch $(ARCH))

buildx-publish: require-builder $(if $(filter-out docker,$(BUILDER)),build-platforms) ## images for all PLATFORMS in one index, pushed as IMAGE:TAG
ifeq ($(BUILDER),docker)
	$(if $(filter scratch,$(TARGET)),$(MAKE) rootfs ARCH=$(ARCHITECTURES))
	docker buildx build $(BUILD_FLAGS) --platform $(PLATFORMS) --provenance=true --sbom=true -t $(IMAGE):$(TAG) --push .
else
	$(BUILDER) manifest push --all $(PUSH_FLAGS) $(IMAGE):$(TAG) docker://$(IMAGE):$(TAG)
endif

# By podman or buildah: the images of all PLATFORMS in one index, kept here.
build-platforms: require-builder
	$(if $(filter scratch,$(TARGET)),$(MAKE) rootfs ARCH=$(ARCHITECTURES))
	-$(BUILDER) manifest rm $(IMAGE):$(TAG) 2>/dev/null
	$(BUILDER) build $(BUILD_FLAGS) --timestamp $(SOURCE_DATE_EPOCH) --platform $(PLATFORMS) --manifest $(IMAGE):$(TAG) .

deploy: require-helm ## helm upgrade --install HELM_INSTALL_NAME
	$(HELM) upgrade --install $(HELM_INSTALL_NAME) deploy/chart --namespace $(NAMESPACE) \
	  --set component=$(COMPONENT) \
	  --set image.repository=$(IMAGE) --set-string image.tag=$(TAG) \
	  $(if $(filter server,$(COMPONENT)),--set version.labels.dubbogoAppVersion=$(VERSION)) $(HELM_FLAGS)

remove: require-helm ## helm uninstall HELM_INSTALL_NAME
	$(HELM) uninstall $(HELM_INSTALL_NAME) --namespace $(NAMESPACE)

proto-gen: install ## gen/ from proto/
	npm run -s generate

test: ## the test suite on Bun, Node and Deno
	npm install && npm test

clean: ## what builds have made here
	rm -rf dist coverage

require-builder:
	@[ -n "$(BUILDER)" ] || { echo "error: Cannot build an image: install docker, podman or buildah, or name one with BUILDER=" >&2; exit 2; }
	@case "$(TARGET)" in debian|scratch) ;; *) echo "error: Cannot build an image on \"$(TARGET)\": TARGET is debian or scratch" >&2; exit 2;; esac

require-helm:
	@command -v $(HELM) >/dev/null || { echo "error: Cannot find $(HELM): install Helm 3, or name it with HELM=" >&2; exit 2; }

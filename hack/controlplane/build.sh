#!/bin/sh
# Makes sure that the binaries of a Kubernetes control plane are there, and prints the folder that holds them.
#
#   KUBEBUILDER_ASSETS set  that folder is used as it is
#   built before            the folder in the user's cache is used; clones share it
#   else                    each binary is built from its Go module (about 4 minutes, once)
#
# Progress goes to standard error, so that  KUBEBUILDER_ASSETS=$(hack/controlplane/build.sh)  works.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
say() { printf '%s\n' "$*" >&2; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	for name in etcd kube-apiserver; do
		[ -x "$KUBEBUILDER_ASSETS/$name" ] && continue
		say "controlplane: KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which holds no executable $name."
		say "controlplane: point it at a folder with etcd and kube-apiserver, or unset it to have them built."
		exit 1
	done
	printf '%s\n' "$KUBEBUILDER_ASSETS"
	exit 0
fi

required() { sed -n "s#^[[:space:]]*$1 \(v[0-9][0-9.]*\).*#\1#p" "$here/go.mod" | head -1; }
kubernetes=$(required k8s.io/kubernetes)
etcd=$(required go.etcd.io/etcd/server/v3)
assets=${XDG_CACHE_HOME:-${HOME:?}/.cache}/partner-operator/controlplane/kubernetes-$kubernetes-etcd-$etcd
mkdir -p "$assets"

version=k8s.io/component-base/version
minor=${kubernetes#v1.}
flags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"

# build NAME PACKAGE: to a name of its own first, so that an interrupted or a parallel build leaves no half binary.
build() {
	[ -x "$assets/$1" ] && return 0
	say "controlplane: building $1 (${3}) ..."
	began=$(date +%s)
	part=$assets/.$1.$$
	CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -C "$here" -trimpath -ldflags "$flags" -o "$part" "$2" >&2 &
	pid=$!
	trap 'kill $pid 2>/dev/null; rm -f "$part"; exit 130' INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		spent=$(($(date +%s) - began))
		[ $((spent % 15)) -eq 0 ] && say "controlplane:   still building $1, ${spent}s"
	done
	if ! wait "$pid"; then
		rm -f "$part"
		say "controlplane: building $1 from $2 failed; the reason stands above."
		say "controlplane: it needs Go 1.26 or later, a reachable Go module proxy (go env GOPROXY), 5 GiB of disk"
		say "controlplane: and 3 GiB of memory. Or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver."
		exit 1
	fi
	trap - INT TERM
	mv "$part" "$assets/$1"
	say "controlplane: built $1 in $(($(date +%s) - began))s"
}

build etcd go.etcd.io/etcd/server/v3 "1 of 4"
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "2 of 4, the long one: about 3 minutes"
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager "3 of 4"
build kubectl k8s.io/kubernetes/cmd/kubectl "4 of 4"
printf '%s\n' "$assets"

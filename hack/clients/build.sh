#!/bin/sh
# Makes sure that a client of others, for test/clients, is built, and prints the path of its binary:
#   hack/clients/build.sh TOOL
#
# TOOL is a folder beside this file. Its go.mod names the program as a tool, or there is a main.go. The binary stays in the
# user's cache until one of its files changes; clones share it. Progress goes to standard error.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tool=${1:?which tool}
cd "$here/$tool"
package=$(sed -n 's/^tool \([^( ]*\)$/\1/p' go.mod | head -1)
key=$(cat go.mod go.sum $(ls ./*.go 2>/dev/null) | sha256sum | cut -c1-16)
binary=${XDG_CACHE_HOME:-${HOME:?}/.cache}/partner-operator/clients/$tool-$key/$tool

if [ ! -x "$binary" ]; then
	mkdir -p "$(dirname "$binary")"
	part=$binary.$$
	trap 'rm -f "$part"' EXIT
	printf 'clients: building %s, which takes some minutes ...\n' "$tool" >&2
	CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags '-s -w' -o "$part" "${package:-.}" >&2
	mv "$part" "$binary"
fi
printf '%s\n' "$binary"

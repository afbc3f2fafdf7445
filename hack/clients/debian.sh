#!/bin/sh
# Unpacks a program from Debian's packages into the user's cache, without installing it, and prints the folder.
#
#   hack/clients/debian.sh postfix|exim|prometheus
#
# All else goes to standard error, so that  FOLDER=$(hack/clients/debian.sh postfix)  works.
set -eu

say() { printf '%s\n' "$*" >&2; }
name=${1:-}
case $name in
postfix) packages='postfix libdb5.3 libicu72 libnsl2 libsasl2-2 libssl3 libtirpc3' ;;
exim) packages='exim4-daemon-light libidn12 libdb5.3 libpcre2-8-0 libgnutls30 libgnutls-dane0 libunbound8' ;;
prometheus) packages=prometheus ;;
*) say "clients: say one of postfix, exim and prometheus"; exit 2 ;;
esac
not_tested() { say "NOT TESTED: what a real $name does: $1"; exit 1; }

command -v apt-get >/dev/null || not_tested "it comes from Debian's packages, and there is no apt-get"
versions() { apt-cache policy $packages | sed -n 's/^  Candidate: //p'; }
# A new machine knows no packages yet.
[ -n "$(versions)" ] || [ "$(id -u)" != 0 ] || apt-get -qq update >&2 || true
folder=${XDG_CACHE_HOME:-${HOME:?}/.cache}/partner-operator/clients/$name-$(versions | cksum | cut -d' ' -f1)
if [ ! -d "$folder" ]; then
	part=$folder.$$
	trap 'rm -rf "$part"' EXIT
	mkdir -p "$part/packages" "$part/root"
	say "clients: unpacking $name ..."
	(cd "$part/packages" && apt-get -qq -o APT::Sandbox::User=root download $packages >&2) ||
		not_tested "its packages cannot be had; as root: apt-get update"
	for package in "$part"/packages/*.deb; do dpkg -x "$package" "$part/root"; done
	mv -T "$part/root" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
printf '%s\n' "$folder"

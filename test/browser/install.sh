#!/bin/sh
# Installs Chromium for the browser tests where that needs no question: as root, with apt. Otherwise it says how, and the
# tests are left out.
set -u
command -v chromium >/dev/null || command -v chromium-browser >/dev/null && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo 'Installing chromium for the browser tests ...' >&2
	(apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium) >/dev/null 2>&1
	command -v chromium >/dev/null && exit 0
	echo 'It could not be installed.' >&2
fi
echo 'NOT TESTED: the portal in a browser (walks, keyboard, accessibility, content security policy, mail scanners).' \
	'There is no chromium; as root: apt-get install --no-install-recommends chromium' >&2

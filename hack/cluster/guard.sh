#!/bin/sh
# Runs the control plane program that this file is named after, and ends it once the process that started it is gone.
#
# The owner keeps the pipe "lifeline" open for writing. Whatever ends the owner (a panic, os.Exit, SIGKILL) closes it,
# and the guard reads the end of the file. The guard stays in the program's process group, so that the program's
# process id is given to nobody else while the guard may still kill it.
here=${0%/*}
program=$here/assets/${0##*/}
[ "${1-}" = --help ] && exec "$program" "$@"

# Reading would wait for a writer; this shell is one for a moment, in case the owner is gone already.
exec 3<>"$here/lifeline" 4<"$here/lifeline" 3>&-
(
	trap '' HUP INT TERM
	read -r _ <&4
	kill -s KILL "$$" || exit 0
	sleep 1
	rm -rf "$(readlink "$here/discard")"
) >/dev/null 2>&1 &
exec 4<&-
printf %s "$$" >"$0.pid"
GOGC=${GOGC:-400} exec "$program" "$@"

#!/bin/sh
set -eu
# Deleting a link keeps a thread waiting for 20 ms after the link is gone. Node reads this before the program runs.
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-16}"
# Small young generation: the daemon allocates little, and its memory counts on every host.
here=$(dirname -- "$(readlink -f -- "$0")")
exec node --max-semi-space-size=4 "$here/../dist/src/main.js" "$@"

#!/bin/sh
set -eu
# Deleting a link keeps a thread waiting for 20 ms after the link is gone. Node reads this before the program runs.
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-16}"
# Memory counts on every host, and the daemon allocates little: a small young generation, one arena for malloc.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
here=$(dirname -- "$(readlink -f -- "$0")")
exec node --max-semi-space-size=4 "$here/../dist/bundle/net-routed.cjs" "$@"

#!/bin/sh
# Small young generation: the daemon allocates little, and its memory counts on every host.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
exec node --max-semi-space-size=4 "$here/../dist/src/main.js" "$@"

#!/bin/sh
# bundle.sh - makes one file of the compiled program and its packages, and keeps its byte code: reading 300 files and compiling
# them is most of a start. What is not JavaScript (koffi) stays where it is. Names are kept, so that a stack trace says where.
set -eu
cd "$(dirname -- "$0")/.."

bundle() { # FROM TO
  node_modules/.bin/esbuild "dist/src/$1" --bundle --platform=node --format=cjs --target=node20 --external:koffi \
    --minify-whitespace --minify-syntax --keep-names --loader:.json=copy --log-level=warning --outfile="dist/bundle.new/$2" \
    --banner:js='const itsUrl = require("node:url").pathToFileURL(__filename).href;' \
    --define:import.meta.url=itsUrl --define:import.meta.dirname=__dirname
}

rm -rf dist/bundle.new
bundle main.js program.cjs
bundle start.js net-routed.cjs
# File by file: the one that is there may be started meanwhile.
mkdir -p dist/bundle
mv -f dist/bundle.new/* dist/bundle/
rmdir dist/bundle.new
NET_ROUTED_KEEP_CODE=1 sh src/net-routed.sh --version >/dev/null

#!/bin/sh
# bundle.sh - makes one file of the compiled program and its packages: reading 300 of them takes half of the start. What is not
# JavaScript (koffi) stays where it is. Names are kept, so that a stack trace says where.
set -eu
cd "$(dirname -- "$0")/.."
node_modules/.bin/esbuild dist/src/main.js --bundle --platform=node --format=esm --target=node20 --external:koffi \
  --minify-whitespace --minify-syntax --keep-names --outfile=dist/bundle/net-routed.js --log-level=warning \
  --banner:js='import { createRequire } from "node:module"; const require = createRequire(import.meta.url);'

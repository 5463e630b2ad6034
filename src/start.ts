/**
 * What node runs where net-routed is installed: the bundled program, with the byte code that the build has kept of it, because
 * compiling is a third of a start. Another version of Node, or other flags, refuse it and compile: slower, and nothing else.
 *
 * With NET_ROUTED_KEEP_CODE=1 it keeps the byte code of what was needed until the program ended.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire, wrap } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

const PROGRAM = join(import.meta.dirname, 'program.cjs')
const CODE = join(import.meta.dirname, 'program.code')

const script = new Script(wrap(readFileSync(PROGRAM, 'utf8')), {
  filename: PROGRAM,
  ...(existsSync(CODE) ? { cachedData: readFileSync(CODE) } : {})
})
const program = { exports: {} }
const run = script.runInThisContext() as (...scope: readonly unknown[]) => void
run(program.exports, createRequire(PROGRAM), program, PROGRAM, import.meta.dirname)

if (process.env['NET_ROUTED_KEEP_CODE'] === '1') {
  process.on('exit', () => {
    writeFileSync(CODE, script.createCachedData())
  })
}

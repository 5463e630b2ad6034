// The least that a durable answer costs: one small file, written, synced, renamed, and its directory synced.
import { mkdtemp, open, rename } from 'node:fs/promises'
import { join } from 'node:path'

const RECORD = `${JSON.stringify({ version: 1, filler: 'x'.repeat(400) })}\n`
let directory

export async function writeRecord() {
  directory ??= await mkdtemp(join(process.env.LAB ?? '', 'record.'))
  const path = join(directory, 'record.json')
  const file = await open(`${path}.tmp`, 'w', 0o600)
  await file.writeFile(RECORD)
  await file.datasync()
  await file.close()
  await rename(`${path}.tmp`, path)
  const parent = await open(directory, 'r')
  await parent.sync()
  await parent.close()
}

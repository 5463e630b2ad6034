// Rows for people. A row: part, what, variant, unit, p50, and where they mean something p99, n, ratio, against.

const HEAD = ['median', 'p99', 'n', 'ratio']
const NAME_WIDTH = 64
const WIDTHS = [9, 9, 6, 8]

/** The rows of a part as text: one block for each thing that was measured. Ratio 1: what the others are compared with. */
export function table(rows) {
  const lines = []
  let what
  for (const row of rows) {
    if (row.what !== what) lines.push('', columns(`${row.what}, ${row.unit}`, HEAD))
    what = row.what
    const { variant, p50, p99, n, ratio } = row
    lines.push(columns(`  ${variant}`, [figure(p50), figure(p99), n ?? '', figure(ratio)]))
  }
  return lines.join('\n')
}

function columns(name, cells) {
  return (
    name.padEnd(NAME_WIDTH) + cells.map((cell, at) => String(cell).padStart(WIDTHS[at])).join('')
  ).trimEnd()
}

/** Three digits say all that a noisy machine knows. */
function figure(value) {
  if (value === undefined) return ''
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return String(Number(value.toPrecision(3)))
}

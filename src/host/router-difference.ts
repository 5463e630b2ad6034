/** What to change in a routing daemon's configuration, so that the wanted lines are there and nobody else's are touched. */
import {
  MATCH_NO_LINK,
  NO_LINK,
  configText,
  isNamed,
  isOverwritten,
  keyOfLine,
  masked,
  maskedLine,
  slotOf,
  undoOf
} from './router-lines.js'
import type { Line, WantedLine } from './router-lines.js'

export interface RouterDifference {
  /** In the order of the running configuration. */
  readonly remove: readonly Line[]
  readonly add: readonly Line[]
  /** Wanted, and not to be written: something of the operator's is in the way. */
  readonly conflicts: readonly Conflict[]
  /** What was, is or will be ours, but for what is ours by name: to be remembered before anything is written. */
  readonly ours: readonly Line[]
}

export interface Conflict {
  readonly line: Line
  readonly foreign: Line
}

export interface RouterCommand {
  readonly text: string
  /** What it is for. */
  readonly line: Line
}

/** `written` is what was remembered of earlier changes. */
export function routerDifference(
  wanted: readonly WantedLine[],
  running: readonly Line[],
  written: readonly Line[]
): RouterDifference {
  const present = new Set(running.map(keyOfLine))
  const rivals = new Map(running.map((line) => [slotOf(line), line]))
  const own = ownership(written)
  const add: Line[] = []
  const conflicts: Conflict[] = []
  for (const line of wanted) {
    if (present.has(keyOfLine(line))) continue
    if (conflicts.some((conflict) => isInside(line, conflict.line))) continue
    const stanza = stanzaOf(line)
    if (line.yields === 'stanza' && present.has(keyOfLine(stanza)) && !own.line(stanza)) continue
    const rival = rivals.get(slotOf(line))
    if (!rival || own.line(rival) || (own.slot(line) && line.yields === undefined)) add.push(plain(line))
    else if (line.yields === undefined) conflicts.push({ line: plain(line), foreign: rival })
  }
  const again = renewedBy(add, wanted, present)
  const remove = [...removals({ wanted, running, add, own }), ...again]
  add.push(...again)
  const wantedKeys = new Set(wanted.map(keyOfLine))
  const kept = running.filter((line) => own.line(line) && wantedKeys.has(keyOfLine(line)))
  const ours = [...kept, ...add, ...remove].filter((line) => !isNamed(line)).map(maskedLine)
  return { remove, add, conflicts, ours: unique(ours) }
}

/** The commands that make the change, beginning and ending in the mode of `enable`. */
export function commandsOf({ remove, add }: Pick<RouterDifference, 'remove' | 'add'>): RouterCommand[] {
  const undo = remove.toReversed().flatMap((line) => inside(line, undoOf(line.text)))
  return [...undo, ...add.flatMap((line) => inside(line, line.text))]
}

/** Changes for people: `-` and `+` before the lines, their stanzas above them. */
export function differenceText({ remove, add }: Pick<RouterDifference, 'remove' | 'add'>): string[] {
  return [
    ...configText(remove.map((line) => ({ ...line, sign: '-' }))),
    ...configText(add.map((line) => ({ ...line, sign: '+' })))
  ]
}

/** A wanted line that is not written, and why. */
export function conflictText({ line, foreign }: Conflict): string {
  const wanted = masked(line.text)
  return `"${masked(foreign.text)}" is there and is not ours, so "${wanted}" is not written: remove it, or change the section routing`
}

interface Ownership {
  /** Ours in this very wording. */
  line(line: Line): boolean
  /** It was us who set this, whatever it is set to now. */
  slot(line: Line): boolean
}

function ownership(written: readonly Line[]): Ownership {
  const lines = new Set(written.map(keyOfLine))
  const slots = new Set(written.map(slotOf))
  return {
    line: (line) => isNamed(line) || lines.has(keyOfLine(maskedLine(line))),
    slot: (line) => isNamed(line) || slots.has(slotOf(line))
  }
}

/** Clauses that name a link which is about to be made: FRR applies them to the routes it has when they are set, not then. */
function renewedBy(add: readonly Line[], wanted: readonly Line[], present: ReadonlySet<string>): Line[] {
  if (!add.some(({ within, text }) => within.length === 0 && text === `interface ${NO_LINK}`)) return []
  return wanted.filter((line) => line.text === MATCH_NO_LINK && present.has(keyOfLine(line))).map(plain)
}

interface Removal {
  readonly wanted: readonly WantedLine[]
  readonly running: readonly Line[]
  readonly add: readonly Line[]
  readonly own: Ownership
}

/** What is ours and not wanted, and what has to go before something else can be set. */
function removals({ wanted, running, add, own }: Removal): Line[] {
  const wantedKeys = new Set(wanted.map(keyOfLine))
  const replaced = new Set(add.map(slotOf))
  const unwanted = running.filter((line) => {
    if (wantedKeys.has(keyOfLine(line)) || undoOf(line.text) === undefined) return false
    return replaced.has(slotOf(line)) ? !isOverwritten(line.text) : own.line(line)
  })
  const going = new Set(unwanted.map(keyOfLine))
  const stays = (line: Line): boolean => !going.has(keyOfLine(line)) && !isOpener(line, running)
  // A stanza goes as a whole, or, where the operator has put something into it, only what is ours in it.
  const stanzas = unwanted.filter((line) => running.some((other) => isInside(other, line)))
  const whole = stanzas.filter((line) => !running.some((other) => isInside(other, line) && stays(other)))
  return unwanted.filter(
    (line) =>
      (!stanzas.includes(line) || whole.includes(line)) && !whole.some((stanza) => isInside(line, stanza))
  )
}

function stanzaOf({ within }: Line): Line {
  return { within: within.slice(0, -1), text: within.at(-1) ?? '' }
}

function isInside(line: Line, stanza: Line): boolean {
  const path = [...stanza.within, stanza.text]
  return line.within.length >= path.length && path.every((part, depth) => line.within[depth] === part)
}

function isOpener(line: Line, running: readonly Line[]): boolean {
  return running.some((other) => isInside(other, line))
}

function inside(line: Line, text: string | undefined): RouterCommand[] {
  if (text === undefined) return []
  return ['configure terminal', ...line.within, text, 'end'].map((command) => ({ text: command, line }))
}

function plain({ within, text }: Line): Line {
  return { within, text }
}

function unique(lines: readonly Line[]): Line[] {
  return [...new Map(lines.map((line) => [keyOfLine(line), line])).values()]
}

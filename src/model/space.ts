/** Docker's two address spaces: swarm managers allocate in `global`, everything else in `local`. They do not conflict. */
export type Space = 'local' | 'global'

/** The names under which Docker knows them; distinct from those of Docker's own IPAM. */
export const SPACE_NAMES: Readonly<Record<Space, string>> = {
  local: 'net-routed-local',
  global: 'net-routed-global'
}

/** The space of a name that Docker sent, or undefined for a space of another IPAM. */
export function spaceOf(name: string): Space | undefined {
  if (name === SPACE_NAMES.local) return 'local'
  return name === SPACE_NAMES.global ? 'global' : undefined
}

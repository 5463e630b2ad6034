/** What systemd passes to a service and wants to hear from it (sd_listen_fds(3), sd_notify(3)). */

const FIRST_FD = 3

/**
 * File descriptors of listening sockets by name, from socket activation; empty without. A socket without a name, or with
 * one that is taken, has its position for a name.
 */
export function passedSockets(env: NodeJS.ProcessEnv, pid: number): ReadonlyMap<string, number> {
  const sockets = new Map<string, number>()
  if (Number(env['LISTEN_PID']) !== pid) return sockets
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
  for (let index = 0; index < Number(env['LISTEN_FDS']); index++) {
    const name = names[index] ?? ''
    sockets.set(name === '' || sockets.has(name) ? String(index) : name, FIRST_FD + index)
  }
  return sockets
}

/** Tells systemd a state such as `READY=1`, by a datagram. Does nothing without systemd. */
export function notify(
  state: string,
  env: NodeJS.ProcessEnv,
  send: (socket: string, text: string) => void
): void {
  const socket = env['NOTIFY_SOCKET']
  if (socket !== undefined && socket !== '') send(socket, state)
}

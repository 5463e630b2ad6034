import winston from 'winston'

export type Fields = Readonly<Record<string, unknown>>

/** One JSON line per event: a constant message, and the data in fields. */
export interface Log {
  error(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  debug(message: string, fields?: Fields): void
}

/** Log to standard error, where systemd and `docker logs` pick it up. */
export function jsonLog(level: 'info' | 'debug'): Log {
  return winston.createLogger({
    level,
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })]
  })
}

/** For tests. */
export const silentLog: Log = { error: ignore, warn: ignore, info: ignore, debug: ignore }

function ignore(): void {
  return undefined
}

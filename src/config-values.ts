/** Parsers of the values of options. Each throws InvalidError that names where the value was given and what would be right. */
import { InvalidError } from './errors.js'
import type { DefaultPool } from './ipam/subnets.js'
import { familyOf, lengthOf, parseIp, parseSubnet, widthOf } from './model/ip.js'
import type { Ip } from './model/ip.js'

/** Kernel, redirect and boot-time origins (rtnetlink.h), and those that zebra takes for its own (FRR zebra/rt_netlink.h). */
const FOREIGN_PROTOCOLS = new Set([0, 1, 2, 11, 42, ...Array.from({ length: 13 }, (_, index) => 186 + index)])

export function parseGateway(value: string, where: string, family: 4 | 6): Ip {
  const ip = parseIp(value, where)
  if (familyOf(ip) === family) return ip
  throw new InvalidError(
    `${where}: "${value}" is not an IPv${String(family)} address such as ${family === 4 ? '10.100.0.1' : 'fe80::1'}`
  )
}

export function parseBoolean(value: string, where: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true
  if (/^(false|0|no|off)$/i.test(value)) return false
  throw new InvalidError(`${where}: "${value}" is neither true nor false`)
}

export function parseName(value: string, where: string): string {
  if (/^(\/[^\0]+|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/.test(value)) return value
  throw new InvalidError(
    `${where}: "${value}" is neither a driver name such as net-routed nor an absolute path`
  )
}

export function parsePath(value: string, where: string): string {
  if (value.startsWith('/')) return value
  throw new InvalidError(`${where}: "${value}" is not an absolute path such as /var/lib/net-routed`)
}

export function parseProtocol(value: string, where: string): number {
  const number = /^\d{1,3}$/.test(value) ? Number(value) : -1
  if (number < 0 || number > 255) throw new InvalidError(`${where}: "${value}" is not a number from 3 to 255`)
  if (!FOREIGN_PROTOCOLS.has(number)) return number
  throw new InvalidError(
    `${where}: "${value}" belongs to the kernel or to FRR, which would not announce our routes: give 200 or another free number`
  )
}

export function parsePool(value: unknown, where: string): DefaultPool {
  const { base, size } = typeof value === 'string' ? poolOfText(value) : poolOfObject(value)
  const prefix = parseSubnet(base, `${where}: base=${base},size=${String(size)}`)
  const isSize = Number.isInteger(size) && size >= lengthOf(prefix) && size <= widthOf(familyOf(prefix)) - 1
  if (!isSize)
    throw new InvalidError(
      `${where}: size ${String(size)} is not a prefix length from ${String(lengthOf(prefix))} to ${String(widthOf(familyOf(prefix)) - 1)}`
    )
  return { base: prefix, size }

  function poolOfText(text: string): { base: string; size: number } {
    const [, base, size] = /^base=([^,]+),size=(\d+)$/.exec(text) ?? []
    if (base !== undefined && size !== undefined) return { base, size: Number(size) }
    throw new InvalidError(`${where}: "${text}" is not of the form base=10.46.0.0/16,size=24`)
  }

  function poolOfObject(object: unknown): { base: string; size: number } {
    const { base, size } = object as { base: string; size: number }
    return { base, size }
  }
}

/** A TCP address to listen on. */
export interface HostPort {
  readonly host: Ip
  readonly port: number
}

export function parseHostPort(value: string, where: string): HostPort {
  const parts = /^(?:\[(?<inBrackets>.+)\]|(?<plain>[^:]+)):(?<port>\d{1,5})$/.exec(value)?.groups ?? {}
  const host = parts['inBrackets'] ?? parts['plain']
  const port = Number(parts['port'])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new InvalidError(`${where}: "${value}" is not of the form 127.0.0.1:9469 or [::1]:9469`)
  }
  return { host: parseIp(host, where), port }
}

import { at, isObject, textAt } from '../support/json.js'
import type { RecordedCall } from './recording.js'

/** Turns what the recording plugin chose (pool ids, pools, addresses) into what our daemon chose, in later requests. */
export class Translation {
  readonly #ours = new Map<string, string>([
    ['fake-local', 'net-routed-local'],
    ['fake-global', 'net-routed-global']
  ])

  /** The request with every text replaced that stands for a choice of ours. */
  translate(value: unknown): unknown {
    if (typeof value === 'string') return this.#ours.get(value) ?? value
    if (Array.isArray(value)) return value.map((item) => this.translate(item))
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.translate(item)]))
  }

  /** Notes what our answer to a recorded call stands for. */
  learn(method: string, { response }: RecordedCall, body: unknown): void {
    if (method === 'IpamDriver.RequestPool') {
      this.learnPool(textAt(response, 'PoolID'), textAt(body, 'PoolID'))
      this.#note(textAt(response, 'Pool'), textAt(body, 'Pool'))
    }
    if (method === 'IpamDriver.RequestAddress')
      this.learnAddress(textAt(response, 'Address'), textAt(body, 'Address'))
    if (method === 'IpamDriver.GetDefaultAddressSpaces') {
      for (const name of ['LocalDefaultAddressSpace', 'GlobalDefaultAddressSpace'])
        this.#note(textAt(response, name), String(at(body, name)))
    }
  }

  learnPool(recorded: string, ours: string): void {
    this.#note(recorded, ours)
  }

  /** Addresses appear with their prefix length and without. */
  learnAddress(recorded: string, ours: string): void {
    const [recordedIp = ''] = recorded.split('/')
    const [ourIp = ''] = ours.split('/')
    this.#note(recorded, ours)
    this.#note(recordedIp, ourIp)
  }

  #note(recorded: string, ours: string): void {
    if (recorded !== '') this.#ours.set(recorded, ours)
  }
}

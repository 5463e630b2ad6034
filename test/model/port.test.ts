import { expect } from 'chai'
import { ConflictError, ExhaustedError } from '../../src/errors.js'
import { parseIp } from '../../src/model/ip.js'
import { choosePorts, hostPortText, overlap, portText, portTexts } from '../../src/model/port.js'
import type { PortWish } from '../../src/model/port.js'

const WISH: PortWish = { protocol: 'tcp', range: [8080, 8080], containerPort: 80 }
const PORT = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const
const free = (): undefined => undefined

describe('choosePorts', () => {
  it('takes the port that is asked for', () => {
    const hostIp = parseIp('192.0.2.1')
    expect(choosePorts([WISH, { ...WISH, protocol: 'udp', hostIp }], [], free)).to.deep.equal([
      PORT,
      { ...PORT, protocol: 'udp', hostIp }
    ])
  })

  it('takes the first that is free of a range, or of those that the host does not use itself', () => {
    const even = ({ hostPort }: { hostPort: number }): string | undefined =>
      hostPort % 2 === 0 ? 'is even' : undefined
    expect(choosePorts([{ ...WISH, range: [8000, 8010] }], [], even)[0]?.hostPort).to.equal(8001)
    const { range: _range, ...any } = WISH
    expect(choosePorts([any, { ...any, containerPort: 81 }], [], even)).to.deep.equal([
      { ...PORT, hostPort: 61_001 },
      { ...PORT, hostPort: 61_003, containerPort: 81 }
    ])
    const high = ({ hostPort }: { hostPort: number }): string | undefined =>
      hostPort > 60_000 ? 'is high' : undefined
    expect(choosePorts([any], [], high)[0]?.hostPort).to.equal(49_152)
  })

  it("gives them out in the order of the container's ports, however many there are", () => {
    const { range: _range, ...any } = WISH
    const count = 15_000
    const wishes = Array.from({ length: count }, (_, index) => ({ ...any, containerPort: count - index }))
    let looks = 0
    const ports = choosePorts([...wishes, { ...any, protocol: 'udp' }], [], ({ hostPort }) => {
      looks++
      return hostPort === 61_002 ? 'is taken' : undefined
    })
    expect(looks).to.be.lessThan(2 * count)
    const [first, second, third, ...more] = ports
      .filter(({ protocol }) => protocol === 'tcp')
      .map(({ hostPort, containerPort }) => `${String(hostPort)} ${String(containerPort)}`)
    expect([first, second, third, more.at(-1)]).to.deep.equal([
      '61000 1',
      '61001 2',
      '61003 3',
      `${String(49_152 + count - 4_535 - 1)} ${String(count)}`
    ])
    expect(ports.at(-1)).to.deep.equal({ ...PORT, protocol: 'tcp', hostPort: 59_616, containerPort: count })
  })

  it('leaves a port to the one that can have no other', () => {
    const { range: _range, ...any } = WISH
    const ports = choosePorts([any, { ...WISH, range: [61_000, 61_000], containerPort: 81 }], [], free)
    expect(ports.map(({ hostPort, containerPort }) => [hostPort, containerPort])).to.deep.equal([
      [61_000, 81],
      [61_001, 80]
    ])
  })

  it('keeps what was chosen before', () => {
    const { range: _range, ...any } = WISH
    const present = [{ ...PORT, hostPort: 62_000 }]
    expect(choosePorts([any], present, () => 'is taken')).to.deep.equal(present)
    expect(choosePorts([{ ...any, range: [1, 99] }], present, free)[0]?.hostPort).to.equal(1)
    expect(choosePorts([{ ...any, containerPort: 81 }], present, free)[0]?.hostPort).to.equal(61_000)
  })

  it('says who has a port, and that none is left', () => {
    expect(() => choosePorts([WISH], [], () => 'belongs to X')).to.throw(
      ConflictError,
      'tcp port 8080 belongs to X'
    )
    expect(() => choosePorts([{ ...WISH, range: [8080, 8081] }], [], () => 'belongs to X')).to.throw(
      ExhaustedError,
      'no tcp port from 8080 to 8081 is free for port 80: tcp port 8081 belongs to X'
    )
    const { range: _range, ...any } = WISH
    expect(() => choosePorts([any], [], () => 'is taken')).to.throw(
      ExhaustedError,
      'no tcp port left is free'
    )
  })

  it('refuses one port twice', () => {
    const twice = [WISH, { ...WISH, hostIp: parseIp('127.0.0.1'), containerPort: 81 }]
    expect(() => choosePorts(twice, [], free)).to.throw('tcp port 8080 of 127.0.0.1 is asked for twice')
  })
})

describe('overlap', () => {
  it('knows that all addresses include each', () => {
    const at = (hostIp: string) => ({ ...PORT, hostIp: parseIp(hostIp) })
    for (const other of [PORT, at('192.0.2.1'), at('0.0.0.0'), at('::')])
      expect(overlap(PORT, other)).to.equal(true)
    expect(overlap(at('0.0.0.0'), at('192.0.2.1'))).to.equal(true)
    expect(overlap(at('::1'), at('::'))).to.equal(true)
    expect(overlap(at('::'), at('192.0.2.1'))).to.equal(false)
    expect(overlap(at('192.0.2.1'), at('192.0.2.2'))).to.equal(false)
    expect(overlap(PORT, { ...PORT, protocol: 'udp' })).to.equal(false)
    expect(overlap(PORT, { ...PORT, hostPort: 8081 })).to.equal(false)
  })
})

describe('portText', () => {
  it('is as Docker writes it', () => {
    expect(portText(PORT)).to.equal('*:8080->80/tcp')
    expect(portText({ ...PORT, hostIp: parseIp('192.0.2.1') })).to.equal('192.0.2.1:8080->80/tcp')
    expect(portText({ ...PORT, hostIp: parseIp('::1') })).to.equal('[::1]:8080->80/tcp')
    expect(hostPortText({ ...PORT, hostIp: parseIp('::1') })).to.equal('tcp port 8080 of ::1')
  })
})

describe('portTexts', () => {
  it('puts runs of ports into one, in order', () => {
    const run = [8011, 8010, 8012].map((hostPort) => ({ ...PORT, hostPort, containerPort: hostPort - 7930 }))
    const bound = { ...PORT, hostIp: parseIp('192.0.2.1'), hostPort: 8013, containerPort: 83 }
    const udp = { ...PORT, protocol: 'udp', hostPort: 8013, containerPort: 83 } as const
    expect(portTexts([bound, udp, { ...PORT, hostPort: 8013 }, ...run])).to.deep.equal([
      '*:8010-8012->80-82/tcp',
      '*:8013->80/tcp',
      '*:8013->83/udp',
      '192.0.2.1:8013->83/tcp'
    ])
    expect(portTexts([])).to.deep.equal([])
  })
})

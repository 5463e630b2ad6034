import { expect } from 'chai'
import { notify, passedSockets } from '../src/systemd.js'

const PID = 42
const ENV = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'net-routed:ipam-routed' }

describe('passedSockets', () => {
  it('are the descriptors from 3 on, by name', () => {
    expect([...passedSockets(ENV, PID)]).to.deep.equal([
      ['net-routed', 3],
      ['ipam-routed', 4]
    ])
  })

  it('are told apart where they have no names, or the same', () => {
    const { LISTEN_FDNAMES: _names, ...without } = ENV
    expect([...passedSockets(without, PID).values()]).to.deep.equal([3, 4])
    expect([...passedSockets({ ...ENV, LISTEN_FDNAMES: 'x:x' }, PID).values()]).to.deep.equal([3, 4])
    expect([...passedSockets({ ...ENV, LISTEN_FDNAMES: 'x:' }, PID).values()]).to.deep.equal([3, 4])
  })

  it('are none where they are for another process, or there are none', () => {
    for (const env of [{}, { ...ENV, LISTEN_PID: '43' }, { ...ENV, LISTEN_FDS: '0' }, { LISTEN_PID: '42' }])
      expect(passedSockets(env, PID).size).to.equal(0)
  })

  it('are none where the number is no number', () => {
    for (const LISTEN_FDS of ['', 'x', '-1'])
      expect(passedSockets({ ...ENV, LISTEN_FDS }, PID).size, LISTEN_FDS).to.equal(0)
  })
})

describe('notify', () => {
  const told: string[] = []
  const send = (socket: string, text: string): void => {
    told.push(`${socket} ${text}`)
  }

  it('tells the socket that systemd names, and nobody without systemd', () => {
    notify('READY=1', { NOTIFY_SOCKET: '/run/systemd/notify' }, send)
    notify('READY=1', {}, send)
    notify('READY=1', { NOTIFY_SOCKET: '' }, send)
    expect(told).to.deep.equal(['/run/systemd/notify READY=1'])
  })
})

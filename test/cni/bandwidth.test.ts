import { expect } from 'chai'
import { parseBandwidth } from '../../src/cni/bandwidth.js'
import { InvalidError } from '../../src/errors.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { CONF, expectDone, expectRefused, withCni } from '../support/cni.js'

describe('parseBandwidth', () => {
  it('reads bits, and 0 as none', () => {
    expect(
      parseBandwidth(
        { ingressRate: 10_000_000, ingressBurst: 800_000, egressRate: 20_000_000, egressBurst: 0 },
        'f'
      )
    ).to.deep.equal({ rateIn: 10_000_000, burstIn: 100_000, rateOut: 20_000_000 })
    expect(parseBandwidth({ egressRate: 20_000_000, egressBurst: 2 ** 31 - 1 }, 'f')).to.deep.equal({
      rateOut: 20_000_000,
      burstOut: 2 ** 28
    })
    expect(parseBandwidth({ ingressRate: 8_000, ingressBurst: 1 }, 'f')).to.deep.equal({
      rateIn: 8_000,
      burstIn: 1_600
    })
    for (const none of [{}, { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }])
      expect(parseBandwidth(none, 'f')).to.deep.equal({})
  })

  it('names the field that is wrong', () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ ingressRate: -1 }, 'f.ingressRate: -1: give a number of bits'],
      [{ egressRate: 1.5e6 + 0.5 }, 'f.egressRate: 1500000.5'],
      [{ ingressRate: 7_999 }, 'f.ingressRate: 7999 is not a rate'],
      [{ ingressRate: 8_000, ingressBurst: 2 ** 34 }, 'f.ingressBurst: '],
      [{ egressBurst: 8_000 }, 'f.egressBurst: a burst without egressRate']
    ]
    for (const [given, text] of wrong)
      expect(() => parseBandwidth(given, 'f'), text).to.throw(InvalidError, text)
  })
})

describe('bandwidth', () => {
  it(
    'is shaped with the container, and gone with it',
    withCni(async ({ rig, cni }) => {
      const bandwidth = { ingressRate: 10_000_000, egressRate: 20_000_000 }
      expectDone(await cni.call('ADD', { ...CONF, runtimeConfig: { bandwidth } }))
      const [endpoint] = rig.daemon.records.all('endpoint')
      expect(endpoint).to.include({ rateIn: 10_000_000, rateOut: 20_000_000 })
      const link = hostLinkName(endpoint?.id ?? '')
      expect(rig.host.objects.has(`shaper ${link} in`)).to.equal(true)
      expect(rig.host.objects.has(`shaper ${link} out`)).to.equal(true)
      expectDone(await cni.call('DEL', CONF))
      expect([...rig.host.objects.keys()].filter((key) => key.startsWith('shaper'))).to.deep.equal([])
    })
  )

  it(
    'that is wrong is refused before anything is done',
    withCni(async ({ rig, cni }) => {
      const before = [...rig.host.objects.keys()]
      const refused = await cni.call('ADD', { ...CONF, runtimeConfig: { bandwidth: { ingressRate: 1 } } })
      expectRefused(refused, 7, /runtimeConfig\.bandwidth\.ingressRate: 1 is not a rate/)
      expect([...rig.host.objects.keys()]).to.deep.equal(before)
    })
  )
})

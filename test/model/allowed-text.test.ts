import { expect } from 'chai'
import { allowedTexts } from '../../src/model/allowed-text.js'
import { parseAllowed } from '../../src/model/allowed.js'

const parse = (text: string): ReturnType<typeof parseAllowed> => parseAllowed(text, 'list', { names: true })

describe('allowedTexts', () => {
  it('tells items as they are written', () => {
    for (const items of [
      ['10.0.0.7', 'fd00::7'],
      ['10.0.0.0/8', 'fd00::/64', '0.0.0.0/0', '::/0', '10.0.0.6/31'],
      ['10.0.0.7-10.0.1.20', 'fd00::7-fd00::20'],
      ['registry.example.com', 'registry.example.com:tcp/443'],
      ['tcp', 'udp/53', 'sctp/5000-5010', 'icmp'],
      ['10.0.0.0/8:tcp/443', 'fd00::7:icmp', 'fd00::7:tcp/80'],
      ['any'],
      ['none']
    ])
      expect(allowedTexts(parse(items.join(','))), items.join()).to.deep.equal(items)
  })

  it('tells each range of ports by itself, and what means the same once parsed', () => {
    const list = parse('10.1.2.3 / 8 : TCP / 80 + 8000 - 8010; 10.0.0.0 - 10.0.0.255')
    expect(allowedTexts(list)).to.deep.equal(['10.0.0.0/8:tcp/80', '10.0.0.0/8:tcp/8000-8010', '10.0.0.0/24'])
    expect(parse(allowedTexts(list).join())).to.deep.equal(list)
  })
})

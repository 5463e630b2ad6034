import { expect } from 'chai'
import { deafIn, muteIn, zebraClients } from '../../src/host/zebra-clients.js'

/** As FRR 8.4 to 10.7 show it, shortened; the second client of bgpd as 10.7 does. */
const ANSWER = `Client: bgp
------------------------ 
FD: 29 
Type        Add         Update      Del         
==================================================
IPv4        0           0           0           
Redist:v4   3           0           1           
Redist:v6   0           0           0           

Client: bgp [1]
------------------------ 
IPv4        0           0           0           
Redist:v4   0           0           0           
Redist:v6   0           0           0           

Client: vnc
------------------------ 
Redist:v4   0           0           0           
Redist:v6   0           0           0           

Client: ospf
------------------------ 
FD: 36 
IPv4        5           0           0           
Redist:v4   0           0           0           
Redist:v6   0           0           0           

Client: ospf6
------------------------ 
Redist:v4   0           0           0           
Redist:v6   12          0           0           
`

describe('zebraClients', () => {
  const clients = zebraClients(ANSWER)
  it('are the daemons that we configure, with what they were told', () => {
    expect(clients).to.deep.equal([
      { daemon: 'bgpd', told: { 4: 3, 6: 0 }, given: { 4: 0, 6: 0 } },
      { daemon: 'ospfd', told: { 4: 0, 6: 0 }, given: { 4: 5, 6: 0 } },
      { daemon: 'ospf6d', told: { 4: 0, 6: 12 }, given: { 4: 0, 6: 0 } }
    ])
  })
  it('are deaf if they were told nothing of what there is', () => {
    const asked = { ospfd: [4], ospf6d: [6], bgpd: [4, 6] } as const
    expect(deafIn(clients, asked, new Set([4]))).to.deep.equal(['ospfd'])
    expect(deafIn(clients, asked, new Set([6]))).to.deep.equal(['bgpd'])
    expect(deafIn(clients, asked, new Set([4, 6]))).to.deep.equal(['bgpd', 'ospfd'])
    expect(deafIn(clients, asked, new Set())).to.deep.equal([])
  })
  it('are mute in the families in which they have given nothing', () => {
    expect(muteIn(clients, { ospfd: [4], bgpd: [4, 6] })).to.deep.equal([
      { daemon: 'bgpd', family: 4 },
      { daemon: 'bgpd', family: 6 }
    ])
  })
  it('are not deaf to what they do not ask for', () => {
    expect(deafIn(clients, { bgpd: [4] }, new Set([4, 6]))).to.deep.equal([])
  })
})

import { expect } from 'chai'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { Firewall, HostObject, Op } from '../../src/host/objects.js'
import { Scratch, describeAsRoot, inNetns, runIn } from './scratch.js'

const CHAIN = [
  '-N NET-ROUTED',
  '-A NET-ROUTED -o nr-+ -m comment --comment net-routed -j ACCEPT',
  '-A NET-ROUTED -i nr-+ -o docker+ -m comment --comment net-routed -j RETURN',
  '-A NET-ROUTED -i nr-+ -o br-+ -m comment --comment net-routed -j RETURN',
  '-A NET-ROUTED -i nr-+ -m comment --comment net-routed -j ACCEPT'
]
const JUMP = '-m comment --comment net-routed -j NET-ROUTED'
/** The chain as Docker 20.10 leaves it. */
const DOCKER = [
  ':DOCKER-USER - [0:0]',
  '-A FORWARD -j DOCKER-USER',
  '-A DOCKER-USER -j RETURN',
  '-P FORWARD DROP'
]
const OPERATOR = '-I DOCKER-USER -s 192.0.2.9/32 -j DROP'

describeAsRoot('the firewall of linuxHost', () => {
  for (const family of [4, 6] as const) {
    for (const flavour of ['nft', 'legacy']) suite(family, `ip${family === 4 ? '' : '6'}tables-${flavour}`)
  }

  it('needs both flavours if both could drop', async () => {
    const scratch = new Scratch()
    try {
      const netns = scratch.netns()
      const host = scratch.host(netns)
      inNetns(netns, 'iptables-nft', '-P', 'FORWARD', 'DROP')
      inNetns(netns, 'iptables-legacy', '-P', 'FORWARD', 'DROP')
      await change(host, 'add', 4)
      for (const program of ['iptables-nft', 'iptables-legacy']) {
        expect(rules(netns, program)).to.include.members([`-A FORWARD ${JUMP}`, ...CHAIN])
      }
      inNetns(netns, 'iptables-legacy', '-F', 'FORWARD')
      expect(await listed(host)).to.deep.equal([firewall(4, false)])
      await change(host, 'delete', 4)
      for (const program of ['iptables-nft', 'iptables-legacy'])
        expect(rules(netns, program)).to.deep.equal([])
    } finally {
      await scratch.close()
    }
  })
})

function suite(family: 4 | 6, program: string): void {
  describe(program, () => {
    const scratch = new Scratch()
    let netns: string
    let host: LinuxHost
    const docker = (): void => {
      restore(netns, program, DOCKER)
    }
    beforeEach(() => {
      netns = scratch.netns()
      host = scratch.host(netns)
    })
    afterEach(() => scratch.close())

    it('makes nothing where nothing drops, and lists it only when it was asked for', async () => {
      expect(await listed(host)).to.deep.equal([])
      await change(host, 'add', family)
      expect(await listed(host)).to.deep.equal([firewall(family, true)])
      expect(rules(netns, program)).to.deep.equal([])
      await change(host, 'delete', family)
      expect(await listed(host)).to.deep.equal([])
    })

    it('is missing when something starts to drop', async () => {
      await change(host, 'add', family)
      docker()
      expect(await listed(host)).to.deep.equal([])
      await change(host, 'add', family)
      expect(await listed(host)).to.deep.equal([firewall(family, true)])
    })

    it('jumps first in FORWARD where there is no Docker', async () => {
      restore(netns, program, [
        '-P FORWARD DROP',
        '-A FORWARD -s 192.0.2.9/32 -j DROP'.replace('192.0.2.9/32', any(family))
      ])
      await change(host, 'add', family)
      expect(rules(netns, program)).to.deep.equal([
        ...CHAIN.slice(0, 1),
        `-A FORWARD ${JUMP}`,
        `-A FORWARD -s ${any(family)} -j DROP`,
        ...CHAIN.slice(1)
      ])
      expect(await listed(host)).to.deep.equal([firewall(family, true)])
    })

    it('jumps behind the rules of the operator where Docker is', async () => {
      docker()
      restore(netns, program, [OPERATOR.replace('192.0.2.9/32', any(family))])
      await change(host, 'add', family)
      expect(rules(netns, program).filter((rule) => rule.startsWith('-A DOCKER-USER'))).to.deep.equal([
        `-A DOCKER-USER -s ${any(family)} -j DROP`,
        `-A DOCKER-USER ${JUMP}`,
        '-A DOCKER-USER -j RETURN'
      ])
      expect(await listed(host)).to.deep.equal([firewall(family, true)])
    })

    it('moves from FORWARD to DOCKER-USER when Docker appears', async () => {
      restore(netns, program, ['-P FORWARD DROP'])
      await change(host, 'add', family)
      docker()
      expect(await listed(host)).to.deep.equal([firewall(family, false)])
      await change(host, 'replace', family)
      expect(rules(netns, program).filter((rule) => rule.endsWith(JUMP))).to.deep.equal([
        `-A DOCKER-USER ${JUMP}`
      ])
      expect(await listed(host)).to.deep.equal([firewall(family, true)])
    })

    const damages: Record<string, string> = {
      'a rule is missing': '-D NET-ROUTED 1',
      'the chain is empty': '-F NET-ROUTED',
      'a rule was added': '-A NET-ROUTED -j ACCEPT',
      'the jump is missing': `-D DOCKER-USER ${JUMP}`,
      'the jump is there twice': `-I DOCKER-USER ${JUMP}`,
      'the jump is elsewhere too': `-I INPUT ${JUMP}`,
      'the operator has added a rule behind it': '-I DOCKER-USER 2 -p tcp -j DROP'
    }
    for (const [what, damage] of Object.entries(damages)) {
      it(`is not intact when ${what}, and can be repaired`, async () => {
        docker()
        await change(host, 'add', family)
        const before = rules(netns, program)
        restore(netns, program, [damage])
        expect(await listed(host)).to.deep.equal([firewall(family, false)])
        await change(host, 'replace', family)
        expect(await listed(host)).to.deep.equal([firewall(family, true)])
        if (!damage.includes('tcp')) expect(rules(netns, program)).to.deep.equal(before)
      })
    }

    it('deletes what is ours and nothing else', async () => {
      docker()
      const before = rules(netns, program)
      await change(host, 'add', family)
      await change(host, 'delete', family)
      expect(rules(netns, program)).to.deep.equal(before)
      expect(await listed(host)).to.deep.equal([])
    })

    it('is found again by a host that did not ask for it', async () => {
      docker()
      await change(host, 'add', family)
      expect(await listed(scratch.host(netns))).to.deep.equal([firewall(family, true)])
    })

    it('knows from it whether Docker relies on it', async () => {
      expect((await host.facts()).dockerForwards).to.equal(false)
      docker()
      expect((await host.facts()).dockerForwards).to.equal(family === 4)
    })
  })
}

function firewall(family: 4 | 6, intact: boolean): Firewall {
  return { kind: 'firewall', family, intact }
}

function any(family: 4 | 6): string {
  return family === 4 ? '192.0.2.9/32' : '2001:db8::9/128'
}

async function change(host: LinuxHost, verb: Op['verb'], family: 4 | 6): Promise<void> {
  const failed = await host.apply([{ verb, object: firewall(family, true) }])
  expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
}

function listed(host: LinuxHost): Promise<HostObject[]> {
  return host.list(['firewall'])
}

/** Rules as `iptables -S` shows them, without the built-in chains' policies and counters. */
function rules(netns: string, program: string): string[] {
  return inNetns(netns, program, '-S')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-P'))
}

function restore(netns: string, program: string, commands: readonly string[]): void {
  const policies = commands.filter((command) => command.startsWith('-P')).map((command) => command.split(' '))
  const rest = commands.filter((command) => !command.startsWith('-P'))
  runIn(netns, [`${program}-restore`, '--noflush'], ['*filter', ...rest, 'COMMIT', ''].join('\n'))
  for (const policy of policies) inNetns(netns, program, ...policy)
}

import type { Link, Route } from '../../src/host/objects.js'
import { hostContract } from '../contract/host-contract.js'
import { Scratch, describeAsRoot, ip } from './scratch.js'

describeAsRoot('linuxHost', () => {
  hostContract('linuxHost', () => {
    const scratch = new Scratch()
    const netns = scratch.netns()
    ip(netns, 'link add foreign0 type veth peer name foreign1')
    ip(netns, 'link set foreign0 up')
    return {
      host: scratch.host(netns),
      addForeign: (object) => {
        ip(
          netns,
          object.kind === 'link'
            ? `link add ${object.name} type veth peer name foreign2`
            : routeCommand(object)
        )
      },
      hasForeign: (object) => shown(netns, object) !== '',
      start: ({ veth }) => {
        ip(netns, `link set ${veth?.name ?? ''} up`)
      },
      close: () => scratch.close()
    }
  })
})

function routeCommand({ dst, metric }: Route): string {
  return `route add ${dst} dev foreign0 proto static metric ${String(metric)}`
}

function shown(netns: string, object: Link | Route): string {
  if (object.kind === 'link') return ip(netns, `link show ${object.name}`)
  return ip(
    netns,
    `${object.dst.includes(':') ? '-6 ' : ''}route show ${object.dst} dev foreign0 proto static`
  )
}

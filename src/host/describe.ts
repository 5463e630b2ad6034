import type { HostObject, Op } from './objects.js'

/** For error messages and logs: `add route 10.1.0.2/32 dev nr-0a1b2c3d4e5f`. */
export function describeOp({ verb, object }: Op): string {
  return `${verb} ${describe(object)}`
}

function describe(object: HostObject): string {
  switch (object.kind) {
    case 'link':
      return `link ${object.name}`
    case 'address':
      return `address ${object.address} dev ${object.link}`
    case 'neighbour':
      return `neighbour ${object.address} lladdr ${object.mac} dev ${object.link}`
    case 'route':
      return `route ${object.dst} dev ${object.link} metric ${String(object.metric)}${object.table === 'local' ? ' table local' : ''}`
    case 'loopback':
      return `way of ::1 through ${object.link}`
    case 'shaper':
      return `rate of ${String(object.rate)} bytes/s ${object.direction === 'in' ? 'to' : 'from'} ${object.link}`
    case 'mark':
      return `DSCP ${String(object.dscp)} of ${object.link}`
    case 'announcement':
      return `announcement of ${object.dst}`
    case 'proxy':
      return `proxy for ${object.address} dev ${object.device}`
    case 'sysctl':
      return `sysctl ${object.key}=${object.value}`
    case 'firewall':
      return `forwarding rules in ${object.family === 4 ? 'iptables' : 'ip6tables'}`
    case 'guard':
      return 'nftables tables of net-routed'
    case 'source':
      return `source ${object.address} of ${object.link}`
    case 'publisher':
      return 'nftables table of net-routed for published ports'
    case 'port':
      return `${object.protocol} port ${String(object.hostPort)} of ${object.host} to ${object.address} port ${String(object.port)}`
    case 'exclusion':
      return `exclusion of ${object.device} from ${object.protocol} port ${String(object.hostPort)}`
    case 'hairpin':
      return `hairpin of ${object.prefix} to ${object.address}`
    case 'policer':
      return 'nftables table of net-routed for policies'
    case 'policy':
      return `policy of ${object.link}`
  }
}

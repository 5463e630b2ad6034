// The CNI plugin net-routed, called as a runtime does, for a network namespace of that name.
import { spawn } from 'node:child_process'

/** Rejects with what the plugin says. */
export function call(plugins, command, name, ips) {
  const conf = {
    cniVersion: '1.0.0',
    name: 'bench',
    type: 'net-routed',
    ipam: { type: 'ipam-routed', subnet: '10.0.0.0/9' },
    runtimeConfig: { ips }
  }
  const child = spawn(`${plugins}/net-routed`, {
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: command,
      CNI_CONTAINERID: name,
      CNI_NETNS: `/run/netns/${name}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: plugins
    },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stdin.end(JSON.stringify(conf))
  return new Promise((resolve, reject) => {
    child.on('close', (status) => {
      if (status === 0) resolve()
      else reject(new Error(`${command} ${name}: ${output}`))
    })
  })
}

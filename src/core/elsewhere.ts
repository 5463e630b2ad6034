/**
 * Which addresses other hosts announce. The kernel cannot say: of an address of ours it knows our own route only, and a routing
 * daemon does not install a second one. zebra keeps what the protocols have told it.
 */
import { isHeard, showRoute } from '../host/zebra.js'
import type { OpenVty } from '../host/vty.js'

/** Those of the given destinations, each one address. Throws UnavailableError or TimeoutError if zebra does not answer. */
export async function heardElsewhere(open: OpenVty, destinations: readonly string[]): Promise<string[]> {
  const session = await open('zebra')
  try {
    const found: string[] = []
    for (const dst of destinations) {
      const { text } = await session.run(showRoute(dst))
      if (isHeard(text, dst)) found.push(dst)
    }
    return found
  } finally {
    session.close()
  }
}

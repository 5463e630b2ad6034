/** What every registry must do. Run against MemoryRegistry and against files. */
import { expect } from 'chai'
import type { Registry } from '../../src/host/registry.js'

/** Declares the tests. `open` is called before each; gives a registry and a directory in it that does not exist. */
export function registryContract(name: string, open: () => { registry: Registry; directory: string }): void {
  describe(`${name} as a registry`, () => {
    it('has what was written last, to the byte', async () => {
      const { registry, directory } = open()
      const path = `${directory}/a/c1`
      await registry.put(path, 'first, and longer')
      await registry.put(path, '/run/netns/c1')
      expect(await registry.read(path)).to.equal('/run/netns/c1')
    })

    it('removes one, again and again, and no other', async () => {
      const { registry, directory } = open()
      for (const id of ['c1', 'c2']) await registry.put(`${directory}/${id}`, id)
      for (let time = 0; time < 2; time++) await registry.remove(`${directory}/c1`)
      expect(await registry.read(`${directory}/c1`)).to.equal(undefined)
      expect(await registry.read(`${directory}/c2`)).to.equal('c2')
    })

    it('has nothing where there never was anything', async () => {
      const { registry, directory } = open()
      expect(await registry.read(`${directory}/c1`)).to.equal(undefined)
      await registry.remove(`${directory}/c1`)
    })
  })
}

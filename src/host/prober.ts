/** Finds out whether a container answers. */
export interface Prober {
  /** Undefined if it does; else why not, in words. Never throws. */
  probe(probe: Probe, timeoutMs: number): Promise<string | undefined>
}

export type Probe =
  | { readonly type: 'tcp'; readonly address: string; readonly port: number }
  | { readonly type: 'http'; readonly address: string; readonly port: number; readonly path: string }
  | { readonly type: 'exec'; readonly name: string; readonly environment: Readonly<Record<string, string>> }

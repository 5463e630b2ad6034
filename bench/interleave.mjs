// A B C, B C A, C A B: what disturbs the machine for a while, and what one leaves for the next, hits all alike.

/** Runs every variant once a round. Gives the results by variant, in the order of the rounds. */
export async function interleave(rounds, variants) {
  const names = Object.keys(variants)
  const results = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]
      results[name].push(await variants[name](round))
    }
  }
  return results
}

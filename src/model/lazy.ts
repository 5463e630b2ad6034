/** What `make` returns, made when it is first asked for: a start needs few of the schemas, and all of them take 60 ms. */
export function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** The key of a module and of what it imports: its URL, and the SHA-256 of its content. */
export function moduleKey(url: string, hash: string): string {
  return `module:${hash}:${url}`;
}

export function parseModuleKey(key: string): { readonly url: string; readonly hash: string } | undefined {
  const [, hash, url] = /^module:([0-9a-f]{64}):(file:.+)$/.exec(key) ?? [];
  return hash === undefined || url === undefined ? undefined : { hash, url };
}

/** A key that is the hash of a tree itself. */
export function isTreeHash(key: string): boolean {
  return /^[0-9a-f]{64}$/.test(key);
}

/** Whether a specifier means something only beside the file that has it: `./x.js`, or `#x` of a package's own imports. */
export function isRelative(specifier: string): boolean {
  return /^(?:\.\.?(?:\/|$)|#)/.test(specifier);
}

/** A file of an installed package, by its name and the path inside of it. */
export interface FileOfPackage {
  readonly name: string;
  readonly inside: string;
}

/** What a specifier means that vite has put in the place of a package's name: the path to where the package is installed. */
export function fileOfPackage(specifier: string): FileOfPackage | undefined {
  const [, name, inside] = /^\/(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\/([^?]+)/.exec(specifier) ?? [];
  return name === undefined || inside === undefined ? undefined : { name, inside };
}

/** A path of the submitter's file system that is another one where code directories are copied to. */
export class Place {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }
}

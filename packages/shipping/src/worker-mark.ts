/** Whether this is a thread in which pydist runs tasks: the pool's runner marks those, whichever copy of the packages. */
export function isWorkerOfPydist(): boolean {
  return Symbol.for("pydist.worker") in globalThis;
}

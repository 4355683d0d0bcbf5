// What the worker threads of piscina and tinypool run.
export function noop(x) {
  return x;
}

export function noopAll(xs) {
  return xs.map(noop);
}

export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

// A small path tracer: light is followed backwards from the eye, bouncing at random. Every pixel has random numbers of its
// own, so what it looks like does not depend on who renders it, or on what was rendered before.
import { encode } from "fast-png";

/**
 * @typedef {readonly [x: number, y: number, z: number]} Vector
 * @typedef {object} Sphere
 * @property {Vector} centre
 * @property {number} radius
 * @property {Vector} colour how much of red, green and blue light it throws back
 * @property {number} light how much it gives itself
 * @property {boolean} mirror
 *
 * @typedef {object} Scene
 * @property {number} width in pixels
 * @property {number} height in pixels
 * @property {number} samples paths for each pixel
 * @property {number} bounces most bounces of a path
 * @property {Sphere[]} spheres
 */

/** A room whose walls are huge spheres, with a lamp and two balls. @type {Sphere[]} */
export const room = [
  { centre: [0, -1000, 0], radius: 999, colour: [0.75, 0.75, 0.75], light: 0, mirror: false },
  { centre: [0, 1000, 0], radius: 998.6, colour: [0.75, 0.75, 0.75], light: 0, mirror: false },
  { centre: [-1000, 0, 0], radius: 998.4, colour: [0.8, 0.25, 0.2], light: 0, mirror: false },
  { centre: [1000, 0, 0], radius: 998.4, colour: [0.2, 0.35, 0.8], light: 0, mirror: false },
  { centre: [0, 0, -1000], radius: 997.5, colour: [0.75, 0.75, 0.75], light: 0, mirror: false },
  { centre: [-0.7, -0.5, -1.2], radius: 0.5, colour: [0.95, 0.95, 0.95], light: 0, mirror: true },
  { centre: [0.6, -0.6, -0.6], radius: 0.4, colour: [0.85, 0.7, 0.3], light: 0, mirror: false },
  { centre: [0, 1.9, -0.7], radius: 0.95, colour: [1, 1, 1], light: 4, mirror: false },
];

/**
 * One row as red, green and blue bytes.
 * @param {Scene} scene
 * @param {number} row counted from the top
 * @returns {Uint8Array}
 */
export function traceRow(scene, row) {
  const { width, height, samples } = scene;
  const pixels = new Uint8Array(width * 3);
  for (let column = 0; column < width; column++) {
    const random = randomOf(row * width + column);
    /** @type {[number, number, number]} */
    const sum = [0, 0, 0];
    for (let s = 0; s < samples; s++) {
      const x = ((column + random()) / width - 0.5) * 2 * (width / height);
      const y = (0.5 - (row + random()) / height) * 2;
      const light = follow(scene, [0, 0, 3.2], normalized([x, y, -2.4]), random);
      for (let i = 0; i < 3; i++) sum[i] += light[i];
    }
    // The eye sees twice the light as less than twice as bright.
    for (let i = 0; i < 3; i++) pixels[column * 3 + i] = 255 * Math.min(1, sum[i] / samples) ** (1 / 2.2);
  }
  return pixels;
}

/**
 * Numbers from 0 to 1, the same for the same seed (mulberry32).
 * @param {number} seed
 */
function randomOf(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The light that comes along a ray, backwards.
 * @param {Scene} scene
 * @param {Vector} start
 * @param {Vector} towards
 * @param {() => number} random
 * @returns {Vector}
 */
function follow(scene, start, towards, random) {
  let [origin, direction] = [start, towards];
  /** @type {Vector} */
  let left = [1, 1, 1];
  for (let bounce = 0; bounce < scene.bounces; bounce++) {
    const hit = nearest(scene.spheres, origin, direction);
    if (hit === undefined) return [0, 0, 0];
    const { sphere, distance } = hit;
    if (sphere.light > 0) return times(left, sphere.light);
    const point = plus(origin, times(direction, distance));
    const normal = times(minus(point, sphere.centre), 1 / sphere.radius);
    const outside = dot(normal, direction) < 0 ? normal : times(normal, -1);
    left = [left[0] * sphere.colour[0], left[1] * sphere.colour[1], left[2] * sphere.colour[2]];
    direction = sphere.mirror
      ? minus(direction, times(normal, 2 * dot(normal, direction)))
      : scattered(outside, random);
    origin = plus(point, times(outside, 1e-4));
  }
  return [0, 0, 0];
}

/**
 * The sphere that a ray meets first.
 * @param {Sphere[]} spheres
 * @param {Vector} origin
 * @param {Vector} direction
 */
function nearest(spheres, origin, direction) {
  let found;
  for (const sphere of spheres) {
    const away = minus(origin, sphere.centre);
    const b = dot(away, direction);
    const root = b * b - dot(away, away) + sphere.radius ** 2;
    if (root < 0) continue;
    const [near, far] = [-b - Math.sqrt(root), -b + Math.sqrt(root)];
    const distance = near > 1e-4 ? near : far;
    if (distance > 1e-4 && (found === undefined || distance < found.distance)) found = { sphere, distance };
  }
  return found;
}

/**
 * A direction away from a surface, most likely straight away, as dull surfaces throw light back.
 * @param {Vector} normal
 * @param {() => number} random
 */
function scattered(normal, random) {
  const angle = 2 * Math.PI * random();
  const height = 2 * random() - 1;
  const radius = Math.sqrt(1 - height * height);
  return normalized(plus(normal, [radius * Math.cos(angle), radius * Math.sin(angle), height]));
}

/** @param {Vector} a @param {Vector} b @returns {Vector} */
function plus(a, b) {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/** @param {Vector} a @param {Vector} b @returns {Vector} */
function minus(a, b) {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

/** @param {Vector} a @param {number} factor @returns {Vector} */
function times(a, factor) {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

/** @param {Vector} a @param {Vector} b */
function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** @param {Vector} a */
function normalized(a) {
  return times(a, 1 / Math.sqrt(dot(a, a)));
}

/**
 * @param {Pick<Scene, "width" | "height">} size
 * @param {Uint8Array[]} rows from top to bottom
 * @returns {Uint8Array} the file's bytes
 */
export function toPng({ width, height }, rows) {
  const data = new Uint8Array(width * height * 3);
  for (const [index, row] of rows.entries()) data.set(row, index * width * 3);
  return encode({ width, height, channels: 3, data });
}

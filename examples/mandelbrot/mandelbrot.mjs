// The work of this example: one row of the picture, and how rows become a PNG.
import { encode } from "fast-png";

/**
 * @typedef {object} View
 * @property {number} width in pixels
 * @property {number} height in pixels
 * @property {number} x the centre, real part
 * @property {number} y the centre, imaginary part
 * @property {number} span width of the visible part of the plane
 * @property {number} depth iterations after which a point counts as inside
 */

/**
 * The spirals of Seahorse Valley.
 * @type {Omit<View, "width" | "height">}
 */
export const seahorses = { x: -0.7453, y: 0.1127, span: 0.0065, depth: 1500 };

/**
 * One row as red, green and blue bytes.
 *
 * It uses nothing from outside its body, so it travels to a node as text: no file of this project is needed there.
 * @param {View} view
 * @param {number} row counted from the top
 * @returns {Uint8Array}
 */
export function renderRow(view, row) {
  const { width, height, x, y, span, depth } = view;
  const step = span / width;
  const pixels = new Uint8Array(width * 3);
  // Each pixel is the mean of four points, so that fine threads do not turn into noise.
  const offsets = [-0.25, 0.25];

  for (let column = 0; column < width; column++) {
    let red = 0;
    let green = 0;
    let blue = 0;
    for (const dx of offsets) {
      for (const dy of offsets) {
        const cr = x + (column + 0.5 + dx - width / 2) * step;
        const ci = y - (row + 0.5 + dy - height / 2) * step;
        let zr = 0;
        let zi = 0;
        let n = 0;
        // Beyond a radius of 2 a point never returns; going on to 16 makes the colours run smoothly.
        while (n < depth && zr * zr + zi * zi < 256) {
          const next = zr * zr - zi * zi + cr;
          zi = 2 * zr * zi + ci;
          zr = next;
          n++;
        }
        if (n === depth) continue;
        const smooth = n + 1 - Math.log2(Math.log2(zr * zr + zi * zi) / 2);
        // From night blue over white to amber and back, slower the deeper it gets.
        const phase = 2 * Math.PI * (0.35 * Math.log(smooth + 1) + 0.55);
        red += 127.5 - 127.5 * Math.cos(phase);
        green += 127.5 - 127.5 * Math.cos(phase - 0.35);
        blue += 127.5 - 127.5 * Math.cos(phase - 0.9);
      }
    }
    pixels[column * 3] = red / 4;
    pixels[column * 3 + 1] = green / 4;
    pixels[column * 3 + 2] = blue / 4;
  }
  return pixels;
}

/**
 * @param {Pick<View, "width" | "height">} size
 * @param {Uint8Array[]} rows from top to bottom
 * @returns {Uint8Array} the file's bytes
 */
export function toPng({ width, height }, rows) {
  const data = new Uint8Array(width * height * 3);
  for (const [index, row] of rows.entries()) data.set(row, index * width * 3);
  return encode({ width, height, channels: 3, data });
}

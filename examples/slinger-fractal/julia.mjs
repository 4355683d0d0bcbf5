// The work of this example: one row of a Julia set.

/**
 * One row as red, green and blue bytes. Uses nothing from outside its body.
 * @param {{ width: number, height: number, re: number, im: number, depth: number }} view the picture and the constant of the set
 * @param {number} row counted from the top
 */
export function juliaRow({ width, height, re, im, depth }, row) {
  const pixels = new Uint8Array(width * 3);
  const step = 3.2 / width;
  for (let column = 0; column < width; column++) {
    let x = (column + 0.5 - width / 2) * step;
    let y = (row + 0.5 - height / 2) * step;
    let n = 0;
    while (n < depth && x * x + y * y < 64) {
      const next = x * x - y * y + re;
      y = 2 * x * y + im;
      x = next;
      n++;
    }
    if (n === depth) continue;
    const smooth = n + 1 - Math.log2(Math.log2(x * x + y * y));
    // From deep violet over rose to white, the slower a point leaves.
    const light = Math.sqrt(Math.max(0, smooth) / depth);
    pixels[column * 3] = 255 * Math.min(1, 0.12 + 1.7 * light);
    pixels[column * 3 + 1] = 255 * Math.min(1, 1.5 * light ** 1.6);
    pixels[column * 3 + 2] = 255 * Math.min(1, 0.25 + 1.1 * light);
  }
  return pixels;
}

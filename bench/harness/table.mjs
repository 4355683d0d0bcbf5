/** @param {number} value three significant digits, without an exponent */
function digits(value) {
  if (value === 0) return "0";
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 3));
}

/** @param {number} value @param {string} unit */
function quantity(value, unit) {
  if (unit !== "/s") return `${digits(value)} ${unit}`;
  if (value >= 1e6) return `${digits(value / 1e6)} M/s`;
  return value >= 1e3 ? `${digits(value / 1e3)} k/s` : `${digits(value)} /s`;
}

/** @param {{ median: number, min: number, max: number } | undefined} ratio */
function ratioText(ratio) {
  return ratio === undefined ? "" : `${digits(ratio.median)} x  (${digits(ratio.min)} - ${digits(ratio.max)})`;
}

/** @param {{ from: string, atLeast?: number, atMost?: number }} target @param {boolean} isRatio @param {string} unit */
function targetText({ from, atLeast, atMost }, isRatio, unit) {
  const bound = atLeast ?? atMost ?? 0;
  return `${from} ${atLeast === undefined ? "<=" : ">="} ${isRatio ? `${bound} x` : quantity(bound, unit)}`;
}

const HEAD = ["", "measured", "pydist / peer  (min - max)", "to reach", ""];

/**
 * The lines of a row: one for each figure, and one more for each further target.
 * @param {any} row @param {boolean} judged
 */
function linesOf(row, judged) {
  return row.figures.flatMap((figure) => {
    const label = `  ${figure.label}`;
    if (figure.missing !== undefined) return [[label, figure.missing, "", "", ""]];
    const measured = figure.value === undefined ? "" : quantity(figure.value.median, figure.unit);
    const [first, ...more] = figure.targets.map((target) => [
      targetText(target, figure.ratio !== undefined, figure.unit),
      judged ? (target.met ? "met" : "not met") : "",
    ]);
    return [
      [label, measured, ratioText(figure.ratio), ...(first ?? ["", ""])],
      ...more.map((target) => ["", "", "", ...target]),
    ];
  });
}

/**
 * @param {readonly any[]} rows
 * @param {{ judged: boolean }} how whether the figures are worth to be held against the targets
 * @returns the table as text, its columns aligned over all rows
 */
export function table(rows, { judged }) {
  const blocks = rows.map((row) => ({ row, lines: linesOf(row, judged) }));
  const all = [HEAD, ...blocks.flatMap(({ lines }) => lines)];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const print = (line) => {
    const cells = line.map((cell, column) => cell.padEnd(widths[column]));
    return cells.join("   ").trimEnd();
  };
  return [
    print(HEAD),
    ...blocks.flatMap(({ row, lines }) => [
      "",
      `${row.id}  ${row.title}`,
      ...lines.map(print),
      ...(row.note === undefined ? [] : [`  (${row.note})`]),
    ]),
  ].join("\n");
}

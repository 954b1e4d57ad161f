/** A point of a chart: name and value. */
export interface ChartPoint {
  readonly label: string;
  readonly value: number;
}

/** Escapes text for HTML and SVG. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/gu, (char) => `&#${String(char.charCodeAt(0))};`);
}

/**
 * A bar chart in HTML, readable without scripts and at any width: each bar shows its value.
 * @param unit the unit of the values, e.g. "MB"
 */
export function barChart(points: readonly ChartPoint[], unit: string): string {
  const highest = Math.max(1, ...points.map((point) => point.value));
  const rows = points.map((point) => {
    const width = ((100 * point.value) / highest).toFixed(1);
    const value = `${point.value.toFixed(point.value < 10 ? 1 : 0)} ${unit}`;
    return `<div class="row"><span class="label">${escaped(point.label)}</span><span class="track"><span class="bar" style="width:${width}%"></span></span><span class="value">${value}</span></div>`;
  });
  return `<div class="chart">${rows.join("")}</div>`;
}

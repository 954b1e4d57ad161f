/** A point of a chart: what it is called and how much it is. */
export interface ChartPoint {
  readonly label: string;
  readonly value: number;
}

/** Text that may stand in HTML and SVG. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/gu, (char) => `&#${String(char.charCodeAt(0))};`);
}

/**
 * A bar chart as inline SVG, readable without scripts: each bar has its value written on it and a title for pointers.
 * @param unit what stands behind the values, e.g. "MB"
 */
export function barChart(points: readonly ChartPoint[], unit: string): string {
  const [bar, gap, left, width] = [22, 8, 150, 640];
  const highest = Math.max(1, ...points.map((point) => point.value));
  const height = points.length * (bar + gap) + gap;
  const bars = points.map((point, at) => {
    const y = gap + at * (bar + gap);
    const length = Math.max(2, ((width - left - 90) * point.value) / highest);
    const value = `${point.value.toFixed(point.value < 10 ? 1 : 0)} ${unit}`;
    return `<g><title>${escaped(point.label)}: ${value}</title><text class="label" x="${String(left - 8)}" y="${String(y + bar - 6)}" text-anchor="end">${escaped(point.label)}</text><rect class="bar" x="${String(left)}" y="${String(y)}" width="${length.toFixed(1)}" height="${String(bar)}" rx="3"/><text class="value" x="${(left + length + 8).toFixed(1)}" y="${String(y + bar - 6)}">${value}</text></g>`;
  });
  return `<svg viewBox="0 0 ${String(width)} ${String(height)}" role="img" aria-label="${escaped(points.map((point) => `${point.label} ${String(point.value)} ${unit}`).join(", "))}">${bars.join("")}</svg>`;
}

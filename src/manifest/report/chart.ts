import type { ChannelMove, Manifest } from "../entry";

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

/** Share of the whole time, in percent, from which a bar has room for its version's name, even on a phone. */
const NAMED_FROM = 22;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A label of the time axis, precise enough that labels differ. */
function label(time: number, lengthMs: number): string {
  const [day = "", clock = ""] = new Date(time).toISOString().split("T");
  if (lengthMs >= 5 * DAY_MS) return day;
  return lengthMs >= 5 * MINUTE_MS ? `${day.slice(5)} ${clock.slice(0, 5)}` : clock.slice(0, 8);
}

interface Stay {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** What a channel pointed at and for how long, from its moves. */
function staysOf(moves: readonly ChannelMove[], end: number): readonly Stay[] {
  return moves.flatMap((move, at) => {
    const next = moves[at + 1];
    const to = next === undefined ? end : Date.parse(next.at);
    return move.to === null ? [] : [{ id: move.to, from: Date.parse(move.at), to }];
  });
}

function lanesOf(manifest: Manifest): ReadonlyMap<string, readonly ChannelMove[]> {
  const lanes = new Map<string, ChannelMove[]>();
  for (const move of manifest.history) {
    if (move.channel === null) continue;
    const name = `${move.template} ${move.channel}`;
    lanes.set(name, [...(lanes.get(name) ?? []), move]);
  }
  return new Map([...lanes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A version's name without the template, which the lane already shows. */
function shortName(id: string): string {
  return id.slice(id.indexOf("@") + 1);
}

/** Each channel as a lane of versions over time, in HTML; "" if no channel ever moved. */
export function timeLine(manifest: Manifest, madeAt: string): string {
  const lanes = [...lanesOf(manifest)];
  const begin = Math.min(...manifest.history.map((move) => Date.parse(move.at)));
  const end = Math.max(Date.parse(madeAt), begin + 1);
  if (lanes.length === 0 || !Number.isFinite(begin)) return "";
  const share = (time: number): number => (100 * (time - begin)) / (end - begin);
  const ticks = [0, 1, 2, 3, 4].map((step) => {
    const time = label(begin + ((end - begin) * step) / 4, end - begin);
    return `<span class="tick${step % 2 === 0 ? "" : " minor"}">${time}</span>`;
  });
  const rows = lanes.map(([name, moves]) => {
    const bars = staysOf(moves, end).map((stay, at) => {
      const width = share(stay.to) - share(stay.from);
      const [since, until] = [stay.from, stay.to].map((time) => new Date(time).toISOString().slice(0, 10));
      return `<span class="bar${at % 2 === 0 ? "" : " two"}" style="left:${share(stay.from).toFixed(2)}%;width:${width.toFixed(2)}%" title="${escaped(`${stay.id}, ${since ?? ""} to ${until ?? ""}`)}">${width < NAMED_FROM ? "" : escaped(shortName(stay.id))}</span>`;
    });
    return `<div class="row"><span class="label">${escaped(name)}</span><span class="track lane">${bars.join("")}</span></div>`;
  });
  const legend = `<p class="none"><span class="swatch"></span> <span class="swatch two"></span> Each bar is a version that the channel pointed at; the colour changes with every move. Times are UTC.</p>`;
  return `<div class="chart lanes">${rows.join("")}<div class="row axis"><span></span><span class="ticks">${ticks.join("")}</span></div></div>${legend}`;
}

import type { ChannelMove, Manifest } from "../entry";
import { escaped } from "./chart";

const [LEFT, WIDTH, LANE, BAR] = [150, 720, 34, 22];
const RIGHT = WIDTH - 12;

const DAY_MS = 86_400_000;
/** Which part of an ISO time a label of the axis shows: "2026-02-01", or "02-01T10:00". */
const DAYS = [0, 10] as const;
const MINUTES = [5, 16] as const;

interface Stay {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** How long a channel pointed at what, from its moves. */
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

/** A version's name without its template, which the lane says already. */
function shortName(id: string): string {
  return id.slice(id.indexOf("@") + 1);
}

/** Each channel as a lane: what it pointed at, from when until when. Inline SVG; "" when no channel was ever moved. */
export function timeLine(manifest: Manifest, madeAt: string): string {
  const lanes = [...lanesOf(manifest)];
  const begin = Math.min(...manifest.history.map((move) => Date.parse(move.at)));
  const end = Math.max(Date.parse(madeAt), begin + 1);
  if (lanes.length === 0 || !Number.isFinite(begin)) return "";
  const x = (time: number): number => LEFT + ((RIGHT - LEFT) * (time - begin)) / (end - begin);
  const height = lanes.length * LANE + 30;
  // Labels that are all the same day would say nothing.
  const tick = end - begin < 5 * DAY_MS ? MINUTES : DAYS;
  const ticks = [0, 1, 2, 3, 4].map((step) => {
    const time = begin + ((end - begin) * step) / 4;
    const anchor = step === 0 ? "start" : step === 4 ? "end" : "middle";
    return `<line class="grid" x1="${x(time).toFixed(1)}" x2="${x(time).toFixed(1)}" y1="0" y2="${String(height - 20)}"/><text class="tick" x="${x(time).toFixed(1)}" y="${String(height - 4)}" text-anchor="${anchor}">${new Date(time).toISOString().slice(...tick)}</text>`;
  });
  const rows = lanes.map(([name, moves], lane) => {
    const y = lane * LANE + (LANE - BAR) / 2;
    const bars = staysOf(moves, end).map((stay, at) => {
      const width = Math.max(2, x(stay.to) - x(stay.from) - 2);
      const text = shortName(stay.id);
      const label =
        width > text.length * 7 + 8
          ? `<text class="on" x="${(x(stay.from) + 6).toFixed(1)}" y="${String(y + BAR - 7)}">${escaped(text)}</text>`
          : "";
      return `<g><title>${escaped(`${stay.id}, ${new Date(stay.from).toISOString().slice(0, 10)} to ${new Date(stay.to).toISOString().slice(0, 10)}`)}</title><rect class="bar${at % 2 === 0 ? "" : " two"}" x="${x(stay.from).toFixed(1)}" y="${String(y)}" width="${width.toFixed(1)}" height="${String(BAR)}" rx="3"/>${label}</g>`;
    });
    return `<text class="label" x="${String(LEFT - 8)}" y="${String(y + BAR - 7)}" text-anchor="end">${escaped(name)}</text>${bars.join("")}`;
  });
  return `<svg class="lanes" viewBox="0 0 ${String(WIDTH)} ${String(height)}" role="img" aria-label="What each channel pointed at over time; the same is listed below">${ticks.join("")}${rows.join("")}</svg><p class="none">Each bar is a version the channel pointed at (times in UTC); the colour changes with every move.</p>`;
}

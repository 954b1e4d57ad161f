import type { ChannelMove, Manifest } from "../entry";

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

/** The moves of each channel, by template and channel. */
function movesOf(manifest: Manifest): readonly (readonly [name: string, moves: readonly ChannelMove[]])[] {
  const lanes = new Map<string, ChannelMove[]>();
  for (const move of manifest.history) {
    if (move.channel === null) continue;
    const name = `${move.template} ${move.channel}`;
    lanes.set(name, [...(lanes.get(name) ?? []), move]);
  }
  return [...lanes].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Each channel as a lane of versions over time, positions in percent; no lanes if no channel ever moved. */
export function timeLine(manifest: Manifest, madeAt: string) {
  const begin = Math.min(...manifest.history.map((move) => Date.parse(move.at)));
  const end = Math.max(Date.parse(madeAt), begin + 1);
  if (!Number.isFinite(begin)) return { lanes: [], ticks: [] };
  const share = (time: number): number => (100 * (time - begin)) / (end - begin);
  const lanes = movesOf(manifest).map(([name, moves]) => ({
    name,
    stays: moves.flatMap(({ to: id, at }, nth) => {
      if (id === null) return [];
      const [from, to] = [Date.parse(at), Date.parse(moves[nth + 1]?.at ?? "") || end];
      const [since, until] = [from, to].map((time) => new Date(time).toISOString().slice(0, 10));
      const width = share(to) - share(from);
      return {
        left: share(from).toFixed(2),
        width: width.toFixed(2),
        title: `${id}, ${since ?? ""} to ${until ?? ""}`,
        // Without the template, which the lane already shows.
        name: width < NAMED_FROM ? "" : id.slice(id.indexOf("@") + 1),
      };
    }),
  }));
  const ticks = [0, 1, 2, 3, 4].map((step) => label(begin + ((end - begin) * step) / 4, end - begin));
  return { lanes, ticks };
}

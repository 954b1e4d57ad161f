import type { ChannelMove, Manifest, ManifestEntry } from "../entry";

/** The version with an id, or undefined; never an inherited property such as "constructor". */
export function versionNamed(manifest: Manifest, id: string): ManifestEntry | undefined {
  return Object.hasOwn(manifest.versions, id) ? manifest.versions[id] : undefined;
}

/** The channels of a template, by name. */
export function channelsOf(manifest: Manifest, template: string): Readonly<Record<string, string>> {
  return (Object.hasOwn(manifest.channels, template) ? manifest.channels[template] : undefined) ?? {};
}

/** The id a template's channel points at, or undefined. */
export function channelTarget(manifest: Manifest, template: string, channel: string): string | undefined {
  const channels = channelsOf(manifest, template);
  return Object.hasOwn(channels, channel) ? channels[channel] : undefined;
}

/** Every channel, with the id it points at. */
export function pointers(manifest: Manifest) {
  return Object.entries(manifest.channels).flatMap(([template, channels]) =>
    Object.entries(channels).map(([channel, id]) => ({ template, channel, id })),
  );
}

/** Channels that point at a version. */
export function channelsAt(manifest: Manifest, id: string): readonly string[] {
  const template = versionNamed(manifest, id)?.template ?? "";
  return Object.entries(channelsOf(manifest, template))
    .filter(([, target]) => target === id)
    .map(([channel]) => channel);
}

/** The newest move of a template's channel; null: of none (a revocation or unrevocation). */
export function lastMove(
  manifest: Manifest,
  template: string,
  channel: string | null,
): ChannelMove | undefined {
  return manifest.history.findLast((move) => move.template === template && move.channel === channel);
}

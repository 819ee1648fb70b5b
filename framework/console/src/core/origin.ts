// Says where a plugin comes from.
import type { PluginOriginShape } from "../api-types";

/** Where an offered destination comes from, and whose fallback makes way for it. */
export function offeredText({ origin, fallbacks }: { origin: PluginOriginShape; fallbacks: string[] }): string {
  const others = fallbacks.length === 0 ? "" : `, instead of the fallback of ${fallbacks.join(" and ")}`;
  return `${originText(origin)}${others}`;
}

/** What a problem of a plugin keeps from being used: one destination, or the plugin as a whole. */
export function problemTitle(place: string): string {
  const [, plugin, destination] = /^plugins\.(.+?)(?:\.destinations\.(.+))?$/.exec(place) ?? [];
  if (destination !== undefined) return `The destination ${destination} of the plugin ${plugin} is not offered`;
  return `The plugin ${plugin ?? place} cannot be used`;
}

/** The distribution and its version, or the file, as an operator has installed it. */
export function originText({ plugin, distribution, version, file }: PluginOriginShape): string {
  if (distribution !== null) return version === null ? distribution : `${distribution} ${version}`;
  return file === null ? `the plugin ${plugin}` : `the file ${file}`;
}

// Says where a plugin comes from.
import type { PluginOriginShape } from "../api-types";

/** The distribution and its version, or the file, as an operator has installed it. */
export function originText({ plugin, distribution, version, file }: PluginOriginShape): string {
  if (distribution !== null) return version === null ? distribution : `${distribution} ${version}`;
  return file === null ? `the plugin ${plugin}` : `the file ${file}`;
}

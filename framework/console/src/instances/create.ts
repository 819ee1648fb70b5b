// Creates an instance with its destination's presets as disabled mappings.
import type { InstanceAnswer, InstanceBody } from "../api-types";
import { call } from "../core/client";
import { sentence } from "../core/texts";
import { toast } from "../parts/notice";

/** Create it, and say which presets were left out. */
export async function createInstance(body: InstanceBody): Promise<InstanceAnswer> {
  const answer = await call("POST /api/instances", { body: { ...body, presets: true } });
  for (const each of answer.warnings) if (each.pointer === "#/presets") toast(sentence(each.detail), "warning");
  return answer;
}

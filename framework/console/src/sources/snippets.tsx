// How each SDK sends to a source: the code to paste, with the new write key where it is known.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { Code } from "../parts/code";
import { SelectField } from "../parts/field";
import { Notice } from "../parts/notice";
import { Loading } from "../parts/page";
import { newKeyOf } from "./new-key";

export function Snippets({ source }: { source: string }): JSX.Element {
  const loaded = useLoaded(`snippets ${source}`, (signal) => call("GET /api/sources/{name}/snippets", { path: { name: source }, signal }));
  const [chosen, setChosen] = useState<string>();
  const key = newKeyOf(source);
  return (
    <Loading of={loaded}>
      {({ snippets, placeholder }) => {
        const snippet = snippets.find((each) => each.sdk === chosen) ?? snippets[0];
        if (!snippet) return null;
        return (
          <div class="stack">
            <SelectField
              label="SDK"
              value={snippet.sdk}
              choices={snippets.map((each) => ({ value: each.sdk, label: each.label }))}
              onChange={setChosen}
            />
            {snippet.note && <Notice kind="warning">{snippet.note}</Notice>}
            {snippet.install && <Code text={snippet.install} label="Installation" />}
            <Code text={key ? snippet.code.replaceAll(placeholder, key) : snippet.code} label="Code" />
            {!key && (
              <p class="muted">
                Put a write key of the source in place of <code>{placeholder}</code>: the host does not show stored keys.
              </p>
            )}
          </div>
        );
      }}
    </Loading>
  );
}

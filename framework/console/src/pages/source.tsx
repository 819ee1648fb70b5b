// One source: its write keys, how each SDK sends to it, a test event, whether it is server-side, and the way to delete it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { goTo, hrefTo } from "../core/router";
import { Button } from "../parts/button";
import { Confirm } from "../parts/dialog";
import { Card, Loading, Page } from "../parts/page";
import { WriteKeys } from "../sources/keys";
import { keepNewKey, newKeyOf } from "../sources/new-key";
import { ServerSideCard } from "../sources/server-side";
import { Snippets } from "../sources/snippets";
import { TestEventCard } from "../sources/test-event";
import { SourceState } from "./sources";

export function SourcePage({ name }: { name: string }): JSX.Element {
  const source = useLoaded(`source ${name}`, (signal) => call("GET /api/sources/{name}", { path: { name }, signal }));
  const [newKey, setNewKey] = useState(() => newKeyOf(name));
  const [isDeleting, setDeleting] = useState(false);
  return (
    <Page
      title={name}
      subtitle={source.data && <SourceState source={source.data.source} />}
      back={{ href: hrefTo("sources"), label: "Sources" }}
      actions={
        <Button icon="trash" onClick={() => setDeleting(true)}>
          Delete
        </Button>
      }
    >
      <Loading of={source}>
        {({ source: saved }) => (
          <>
            <WriteKeys
              source={name}
              newKey={newKey}
              onKey={(key) => {
                keepNewKey(name, key);
                setNewKey(key);
              }}
            />
            <Card title="Send events from your code">
              {/* The code holds a new key, so it is drawn again with one. */}
              <Snippets key={newKey} source={name} />
            </Card>
            <TestEventCard source={name} />
            <ServerSideCard source={saved} onSaved={source.reload} />
          </>
        )}
      </Loading>
      {isDeleting && (
        <Confirm
          title={`Delete the source “${name}”?`}
          action="Delete"
          isDangerous
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await call("DELETE /api/sources/{name}", { path: { name } });
            goTo(hrefTo("sources"));
          }}
        >
          <p>Events that are sent with its write keys are refused from then on. Its destinations must be deleted first.</p>
        </Confirm>
      )}
    </Page>
  );
}

// The first page: the steps to the first delivered event, and after that what runs.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { FirstRun } from "../first-run/first-run";
import { type Progress, isFinished, loadProgress } from "../first-run/progress";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { countText, plural } from "../core/texts";
import { ButtonLink } from "../parts/button";
import { Notice } from "../parts/notice";
import { Card, Loading, Page } from "../parts/page";
import { sentText } from "./sources";

const REFRESH_MS = 3_000;

export function Home(): JSX.Element {
  const progress = useLoaded("home", loadProgress, REFRESH_MS);
  // Once begun, the first run stays until its end was seen.
  const [hasBegun, setBegun] = useState(false);
  const isFirst = hasBegun || (progress.data !== undefined && !isFinished(progress.data));
  useEffect(() => {
    if (isFirst) setBegun(true);
  }, [isFirst]);
  return (
    <Page
      title={isFirst ? "Get started" : "Home"}
      subtitle={isFirst ? "From nothing to the first delivered event, in five steps." : undefined}
      actions={
        progress.data &&
        !isFirst && (
          <ButtonLink href={hrefTo("catalog")} look="primary" icon="plus">
            Add Destination
          </ButtonLink>
        )
      }
    >
      <Loading of={progress}>
        {(data) =>
          isFirst ? (
            <FirstRun progress={data} onChanged={progress.reload} onFinished={() => setBegun(false)} />
          ) : (
            <Overview progress={data} />
          )
        }
      </Loading>
    </Page>
  );
}

/** What each source sent, and what became of it at each destination. */
function Overview({ progress }: { progress: Progress }): JSX.Element {
  const { status, instances, subscriptions } = progress;
  return (
    <>
      {status.degraded.map((each) => (
        <Notice key={`${each.pointer}${each.detail}`} kind="warning" title={each.pointer.replace(/^#\//, "")}>
          {each.detail}
        </Notice>
      ))}
      <div class="tiles">
        {instances.map((each) => {
          const own = status.subscriptions.filter((one) => subscriptions.some(({ id, instance }) => id === one.id && instance === each.name));
          const total = (key: "delivered" | "waiting" | "retrying" | "rejected" | "expired") =>
            own.reduce((sum, one) => sum + one[key], 0);
          return (
            <section key={each.name} class="tile">
              <a href={hrefTo("destinations", each.name, "mappings")}>{each.name}</a>
              <dl class="totals">
                <Total label="Delivered" count={total("delivered")} />
                <Total label="In flight" count={total("waiting") + total("retrying")} />
                <Total label="Failed" count={total("rejected") + total("expired")} />
              </dl>
              <p class="muted">
                from {each.source}, {plural(own.filter((one) => one.enabled).length, "enabled mapping")}
              </p>
            </section>
          );
        })}
      </div>
      <Card title="Sources" class="spaced">
        <ul>
          {status.sources.map((each) => (
            <li key={each.name}>
              <a href={hrefTo("sources", each.name)}>{each.name}</a> <span class="muted">{sentText(each)}</span>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

function Total({ label, count }: { label: string; count: number }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{countText(count)}</dd>
    </div>
  );
}

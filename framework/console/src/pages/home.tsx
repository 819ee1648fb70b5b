// The first page: the steps to the first delivered event, and after that what runs.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { FirstRun } from "../first-run/first-run";
import { type Progress, loadProgress, nextStep } from "../first-run/progress";
import { enabledOf, totalsOf } from "../core/instance-state";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { ButtonLink } from "../parts/button";
import { Notice } from "../parts/notice";
import { Card, Loading, Page } from "../parts/page";
import { TotalsList } from "../parts/totals";
import { sentText } from "./sources";

const REFRESH_MS = 3_000;

export function Home(): JSX.Element {
  const progress = useLoaded("home", loadProgress, REFRESH_MS);
  // Once begun, the first run stays until its end was seen.
  const [hasBegun, setBegun] = useState(false);
  const isFirst = hasBegun || (progress.data !== undefined && nextStep(progress.data) !== undefined);
  useEffect(() => {
    if (isFirst) setBegun(true);
  }, [isFirst]);
  // Which of the two pages it is has no answer yet.
  if (!progress.data && !progress.error) return <Loading of={progress}>{() => null}</Loading>;
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
  const { status, instances } = progress;
  return (
    <>
      {status.degraded.map((each) => (
        <Notice key={`${each.pointer}${each.detail}`} kind="warning" title={each.pointer.replace(/^#\//, "")}>
          {each.detail}
        </Notice>
      ))}
      <div class="tiles">
        {instances.map(({ name, source, subscriptions }) => (
          <section key={name} class="tile">
            <a href={hrefTo("destinations", name, "mappings")}>{name}</a>
            <TotalsList totals={totalsOf(status, subscriptions)} />
            <p class="muted">
              from {source}, {plural(enabledOf(status, subscriptions), "enabled mapping")}
            </p>
          </section>
        ))}
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

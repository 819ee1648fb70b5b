// The steps of the first run: what is done, what comes next, and what follows.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { NewKeyNotice, NewSourceForm } from "../sources/new-source";
import { keepNewKey, newKeyOf } from "../sources/new-key";
import { ChooseDestination } from "./choose-destination";
import { EnableMapping } from "./enable-mapping";
import { type Progress, STEPS, type Step, type StepProps, nextStep } from "./progress";
import { FirstDelivery, SendEvent } from "./send-event";

const TITLES: Record<Step, string> = {
  source: "Create a source",
  destination: "Add a destination",
  event: "Send an event",
  mapping: "Enable a mapping",
  delivered: "See it delivered",
};

const FORMS: Record<Step, (props: StepProps) => JSX.Element> = {
  source: SourceStep,
  destination: ChooseDestination,
  event: SendEvent,
  mapping: EnableMapping,
  delivered: FirstDelivery,
};

export function FirstRun(props: StepProps): JSX.Element {
  const current = nextStep(props.progress) ?? "delivered";
  const at = STEPS.indexOf(current);
  return (
    <ol class="steps">
      {STEPS.map((step, index) => {
        const Form = FORMS[step];
        return (
          <StepFrame key={step} number={index + 1} title={TITLES[step]} isDone={index < at} isCurrent={index === at}>
            {index === at && <Form {...props} />}
            {index < at && <Done step={step} progress={props.progress} />}
          </StepFrame>
        );
      })}
    </ol>
  );
}

function StepFrame({
  number,
  title,
  isDone,
  isCurrent,
  children,
}: {
  number: number;
  title: string;
  isDone: boolean;
  isCurrent: boolean;
  children: ComponentChildren;
}): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  const wasCurrent = useRef(isCurrent);
  useEffect(() => {
    // The form of the step before is gone, and the focus with it.
    if (isCurrent && !wasCurrent.current) heading.current?.focus();
    wasCurrent.current = isCurrent;
  }, [isCurrent]);
  return (
    <li class={isCurrent ? "step card is-current" : "step card"} aria-current={isCurrent ? "step" : undefined}>
      <h2 ref={heading} tabIndex={-1}>
        <span class="step-number">{isDone ? <Icon name="check" /> : number}</span>
        {title}
        {isDone && <span class="visually-hidden">, done</span>}
      </h2>
      {children}
    </li>
  );
}

function SourceStep({ onChanged }: StepProps): JSX.Element {
  return (
    <NewSourceForm
      isFirst
      onMade={({ name, key }) => {
        keepNewKey(name, key);
        onChanged();
      }}
    />
  );
}

/** What a step has made; the new key stays until the page is left, as it is shown only once. */
function Done({ step, progress }: { step: Step; progress: Progress }): JSX.Element | null {
  const [source] = progress.status.sources;
  const [newKey] = useState(() => source && newKeyOf(source.name));
  if (step === "source" && source)
    return (
      <>
        <p class="muted">{source.name}</p>
        {newKey && <NewKeyNotice writeKey={newKey} />}
      </>
    );
  if (step === "destination") return <p class="muted">{progress.instances.map((each) => each.name).join(", ")}</p>;
  return null;
}

// The form of an instance's settings: what is entered, what differs from what is saved, and saving it.
import { useRef, useState } from "preact/hooks";
import type { DestinationShape, InstanceAnswer, InstanceChange } from "../api-types";
import { ApiError, call } from "../core/client";
import { useDraft } from "../core/drafts";
import { type Json, type JsonObject, writeJson } from "../core/json";
import { toast } from "../parts/notice";
import { type Entered, type Setting, enteredOf, isShown, settingsOf, valueOf, valuesOf } from "./declaration";
import { appSettingsOf } from "./options";

/** Options of the instance itself, which are in the form beside the settings. */
export type OptionName = "requests_per_second" | "max_concurrency" | "sandbox";
export const OPTIONS: readonly OptionName[] = ["requests_per_second", "max_concurrency", "sandbox"];

/** The tables of an instance that the form has: the destination's settings, and the app of OAuth 2. */
export type TableName = "settings" | "oauth";
const TABLES: readonly TableName[] = ["settings", "oauth"];

export interface SettingsForm {
  tables: Record<TableName, Setting[]>;
  entered: Record<TableName, Entered>;
  options: Entered;
  /** The values of the settings that count at present, with the defaults. */
  values: JsonObject;
  error: unknown;
  element: { current: HTMLFormElement | null };
  isChanged: boolean;
  isBusy: boolean;
  isEnabling: boolean;
  /** Whether the saved settings are not those that the changes began with. */
  isOvertaken: boolean;
  setEnabling: (isEnabling: boolean) => void;
  change: (table: TableName, setting: Setting, entered: string | boolean | undefined) => void;
  changeOption: (name: OptionName, entered: string | boolean | undefined) => void;
  save: () => Promise<void>;
  discard: () => void;
}

/** What can be kept in a draft: everything but secrets. */
interface Open extends Record<TableName, Entered> {
  options: Entered;
}

const NO_SECRETS: Record<TableName, Entered> = { settings: {}, oauth: {} };

export function useSettingsForm(
  { instance, revision }: InstanceAnswer,
  destination: DestinationShape,
  onSaved: () => void,
): SettingsForm {
  const tables = { settings: settingsOf(destination), oauth: appSettingsOf(destination) };
  const saved = openOf(tables, instance);
  const draft = useDraft<Open>(`settings ${instance.name}`, saved);
  // Secrets stay in the memory of this page: no storage of the browser gets them.
  const [secrets, setSecrets] = useState(NO_SECRETS);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [isEnabling, setEnabling] = useState(!instance.enabled && Object.keys(instance.settings).length === 0);
  const element = useRef<HTMLFormElement>(null);
  const isChanged = draft.isChanged || TABLES.some((table) => Object.values(secrets[table]).some((each) => each !== undefined));
  const savedText = savedTextOf(instance);
  const base = useRef(savedText);
  if (!isChanged) base.current = savedText;
  const entered = {
    settings: { ...draft.value.settings, ...secrets.settings },
    oauth: { ...draft.value.oauth, ...secrets.oauth },
  };
  const values = valuesOf(tables.settings, entered.settings);

  function discard(): void {
    draft.drop();
    setSecrets(NO_SECRETS);
    setError(undefined);
  }

  function givenIn(table: TableName): JsonObject {
    const given: JsonObject = {};
    for (const each of tables[table]) {
      // What another choice hides stays as it was: it may come back with that choice.
      const isKept = !isShown(each, values) || (each.isSecret && secrets[table][each.key] === undefined);
      const value = isKept ? (instance[table][each.key] as Json | undefined) : valueOf(each, entered[table][each.key]);
      if (value !== undefined && value !== null) given[each.key] = value;
    }
    return given;
  }

  function bodyOf(): InstanceChange {
    const { requests_per_second, max_concurrency, sandbox } = draft.value.options;
    return {
      settings: givenIn("settings"),
      ...(destination.oauth === null ? {} : { oauth: givenIn("oauth") }),
      requests_per_second: numberOf(requests_per_second),
      max_concurrency: numberOf(max_concurrency),
      sandbox: sandbox === true,
      ...(isEnabling ? { enabled: true } : {}),
    };
  }

  async function save(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await patch(instance.name, bodyOf(), revision, base.current);
      discard();
      setEnabling(false);
      toast(isEnabling && !instance.enabled ? "The settings are saved, and the destination is enabled" : "The settings are saved");
      onSaved();
    } catch (caught) {
      setError(caught);
      setTimeout(() => element.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      if (caught instanceof ApiError && caught.status === 412) onSaved();
    } finally {
      setBusy(false);
    }
  }

  return {
    tables,
    entered,
    options: draft.value.options,
    values,
    error,
    element,
    isChanged,
    isBusy,
    isEnabling,
    isOvertaken: base.current !== savedText,
    setEnabling,
    change(table, setting, to) {
      if (setting.isSecret) setSecrets((old) => ({ ...old, [table]: { ...old[table], [setting.key]: to } }));
      else {
        const entered = to === "" && !setting.allowEmpty ? undefined : to;
        draft.update((old) => ({ ...old, [table]: changed(saved[table], old[table], setting.key, entered) }));
      }
    },
    changeOption: (name, to) => draft.update((old) => ({ ...old, options: changed(saved.options, old.options, name, to === "" ? undefined : to) })),
    save,
    discard,
  };
}

function openOf(tables: Record<TableName, Setting[]>, instance: InstanceAnswer["instance"]): Open {
  const openIn = (table: TableName): Entered => {
    const open = tables[table].filter((each) => !each.isSecret);
    return Object.fromEntries(open.map((each) => [each.key, enteredOf(each, instance[table][each.key] as Json)]));
  };
  return {
    settings: openIn("settings"),
    oauth: openIn("oauth"),
    options: {
      requests_per_second: instance.requests_per_second === null ? undefined : String(instance.requests_per_second),
      max_concurrency: instance.max_concurrency === null ? undefined : String(instance.max_concurrency),
      sandbox: instance.sandbox,
    },
  };
}

/** What a change made on it would overwrite. */
function savedTextOf({ settings, oauth }: Pick<InstanceAnswer["instance"], TableName>): string {
  return writeJson([settings, oauth]);
}

/** Change one key; the keys keep their order, so that what is changed back equals what is saved. */
function changed(saved: Entered, old: Entered, key: string, to: string | boolean | undefined): Entered {
  const next = { ...old, [key]: to };
  return Object.fromEntries(Object.keys(saved).map((each) => [each, next[each]]));
}

/** Save; a newer revision that left these settings alone is no conflict. */
async function patch(name: string, body: InstanceChange, revision: number, base: string): Promise<InstanceAnswer> {
  try {
    return await call("PATCH /api/instances/{name}", { path: { name }, body, revision });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 412) throw error;
    const { current, revision: now } = error.problem;
    if (!current || now === undefined || savedTextOf(current as unknown as InstanceAnswer["instance"]) !== base) throw error;
    return call("PATCH /api/instances/{name}", { path: { name }, body, revision: now });
  }
}

function numberOf(entered: string | boolean | undefined): number | null {
  if (typeof entered !== "string" || entered.trim() === "") return null;
  const number = Number(entered);
  // The host says what is wrong with a text that is no number.
  return Number.isNaN(number) ? (entered as unknown as number) : number;
}

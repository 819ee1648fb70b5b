// The Settings tab of an instance: a form made from the destination's declaration, saved as a whole.
import type { JSX } from "preact";
import type { DestinationShape, InstanceAnswer, SandboxShape } from "../api-types";
import { faultAt, isElsewhere } from "../core/faults";
import { type Json, type JsonObject, writeJson } from "../core/json";
import { Button } from "../parts/button";
import { Checkbox, TextField } from "../parts/field";
import { ErrorNotice, Notice } from "../parts/notice";
import { Card } from "../parts/page";
import { AccessCard } from "./access";
import { ConnectionTest } from "./connection-test";
import { type Setting, isRequired, isShown, missingOf } from "./declaration";
import { OPTIONS, type SettingsForm, type TableName, useSettingsForm } from "./form";
import { SettingField } from "./setting-field";

const LIMITS = [
  {
    name: "requests_per_second",
    label: "Requests per second",
    description: "The most requests in a second. Empty: as many as the partner takes.",
  },
  {
    name: "max_concurrency",
    label: "Requests at once",
    description: "The most requests under way at the same time. Empty: the host finds out how many the partner takes.",
  },
] as const;

export interface SettingsTabProps {
  answer: InstanceAnswer;
  destination: DestinationShape;
  /** `undefined` if the destination declares none. */
  sandbox: SandboxShape | undefined;
  onSaved: () => void;
}

export function SettingsTab({ answer, destination, sandbox, onSaved }: SettingsTabProps): JSX.Element {
  const form = useSettingsForm(answer, destination, onSaved);
  const { instance } = answer;
  const { tables, values, error } = form;
  const shown = tables.settings.filter((each) => isShown(each, values));
  const places = [
    ...shown.map((each) => ["settings", each.key]),
    ...tables.oauth.map((each) => ["oauth", each.key]),
    ...OPTIONS.map((each) => [each]),
  ];
  // The sandbox brings its own values: what it has need not be entered.
  const given = (form.options.sandbox === true ? (sandbox?.settings ?? {}) : {}) as JsonObject;
  const field = (table: TableName, setting: Setting) => (
    <SettingField
      key={setting.key}
      setting={setting}
      entered={form.entered[table][setting.key]}
      masked={maskedOf(setting, instance[table][setting.key] as Json | undefined)}
      isRequired={table === "settings" && isRequired(setting, values) && !(setting.key in given)}
      fault={faultAt(error, table, setting.key)}
      onChange={(entered) => form.change(table, setting, entered)}
    />
  );
  return (
    <div class="settings">
      {destination.oauth !== null && <AccessCard answer={answer} isChanged={form.isChanged} />}
      <form
        class="settings"
        ref={form.element}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void form.save();
        }}
      >
        {form.isOvertaken && (
          <Notice kind="warning" title="Somebody else has changed these settings meanwhile">
            <p>Saving puts yours in the place of theirs.</p>
            <Button onClick={form.discard}>Discard mine, show theirs</Button>
          </Notice>
        )}
        {isElsewhere(error, places) && <ErrorNotice error={error} title="The settings are not saved" />}
        <Card title="Settings">
          {shown.length === 0 && <p class="muted">{destination.name} has no settings of its own.</p>}
          {shown.map((each) => field("settings", each))}
        </Card>
        {destination.oauth !== null && (
          <App settings={tables.oauth} hasAddresses={destination.oauth.has_addresses} field={(each) => field("oauth", each)} error={error} />
        )}
        <Delivery form={form} sandbox={sandbox} />
        {!instance.enabled && (
          <Checkbox
            label="Enable this destination when the settings are saved"
            isChecked={form.isEnabling}
            onChange={form.setEnabling}
          />
        )}
        <div class="form-actions">
          <Button type="submit" look="primary" isBusy={form.isBusy} disabled={!form.isChanged && !form.isEnabling}>
            Save changes
          </Button>
          {form.isChanged && <Button onClick={form.discard}>Discard changes</Button>}
        </div>
      </form>
      <ConnectionTest
        instance={instance.name}
        isTestable={destination.testable}
        whyNot={whyNoTest(form.isChanged, missingOf(tables.settings, { ...values, ...(instance.settings as JsonObject), ...given }))}
      />
    </div>
  );
}

/** The options of the app that every partner asks for; the others have their defaults. */
const MAIN_APP = ["client_id", "client_secret", "scopes"];

/** The app that was registered at the partner. */
function App({
  settings,
  hasAddresses,
  field,
  error,
}: {
  settings: Setting[];
  hasAddresses: boolean;
  field: (setting: Setting) => JSX.Element;
  error: unknown;
}): JSX.Element {
  const others = settings.filter((each) => !MAIN_APP.includes(each.key));
  const isOpen = !hasAddresses || others.some((each) => faultAt(error, "oauth", each.key) !== undefined);
  return (
    <Card title="App at the partner (OAuth 2)">
      <p class="muted">The app that you registered at the partner, with the redirect URI that is shown above.</p>
      {settings.filter((each) => MAIN_APP.includes(each.key)).map(field)}
      <details class="more-fields" open={isOpen}>
        <summary>Addresses and other parameters</summary>
        {others.map(field)}
      </details>
    </Card>
  );
}

function Delivery({ form, sandbox }: { form: SettingsForm; sandbox: SandboxShape | undefined }): JSX.Element {
  return (
    <Card title="Delivery">
      {sandbox && (
        <Checkbox
          label={`Send to the sandbox: ${sandbox.label}`}
          description={sandbox.description}
          fault={faultAt(form.error, "sandbox")}
          isChecked={form.options.sandbox === true}
          onChange={(isOn) => form.changeOption("sandbox", isOn)}
        />
      )}
      {LIMITS.map((each) => (
        <TextField
          key={each.name}
          label={each.label}
          description={each.description}
          value={String(form.options[each.name] ?? "")}
          fault={faultAt(form.error, each.name)}
          onInput={(text) => form.changeOption(each.name, text)}
        />
      ))}
    </Card>
  );
}

function whyNoTest(isChanged: boolean, missing: Setting[]): string | undefined {
  if (isChanged) return "Save your changes first: the test uses the settings that are saved.";
  if (missing.length > 0) return `Enter ${missing.map((each) => each.label).join(", ")} first, and save.`;
  return undefined;
}

function maskedOf(setting: Setting, saved: Json | undefined): string | undefined {
  if (!setting.isSecret || saved === undefined || saved === null) return undefined;
  return typeof saved === "string" ? saved : writeJson(saved);
}

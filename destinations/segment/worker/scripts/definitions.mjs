// Writes down what a destination declares, in the shape that src/messages.ts gives: `Definition`.

/** The definition of one destination as JSON. */
export function describe(id, directory, definition, needs) {
  const { slug, name, description, authentication, audienceFields, audienceConfig, presets, actions, onDelete } = definition;
  return {
    id,
    directory,
    slug: slug ?? directory,
    name,
    description: description ?? "",
    needs,
    authentication: {
      scheme: authentication?.scheme ?? "none",
      fields: plain(authentication?.fields ?? {}),
      testAuthentication: isFunction(authentication?.testAuthentication),
      refreshAccessToken: isFunction(authentication?.refreshAccessToken),
    },
    onDelete: isFunction(onDelete),
    audienceFields: plain(audienceFields ?? {}),
    audienceConfig: audienceConfig
      ? { mode: plain(audienceConfig.mode), createAudience: isFunction(audienceConfig.createAudience), getAudience: isFunction(audienceConfig.getAudience) }
      : null,
    presets: (presets ?? []).map((preset) => ({ ...plain(preset), mapping: plain(preset.mapping ?? {}) })),
    actions: mapped(actions, describeAction),
  };
}

/** What a list of destinations shows of it: `IndexEntry`. */
export function summarize({ id, directory, slug, name, description, needs, actions, presets }) {
  const usable = presets.filter(({ type, partnerAction }) => type !== "specificEvent" && partnerAction in actions);
  return {
    id,
    directory,
    slug,
    name,
    description,
    actions: mapped(actions, ({ title }) => title),
    presets: usable.map((preset) => preset.name),
    needs,
  };
}

function describeAction({ title, description, hidden, defaultSubscription, fields, performBatch, syncMode, dynamicFields, hooks }) {
  return {
    title,
    description: description ?? "",
    hidden: hidden ?? false,
    defaultSubscription: defaultSubscription ?? null,
    fields: plain(fields ?? {}),
    performBatch: isFunction(performBatch),
    syncMode: plain(syncMode) ?? null,
    dynamicFields: functionsIn(dynamicFields ?? {}),
    hooks: mapped(hooks ?? {}, describeHook),
  };
}

function describeHook({ label, description, inputFields, outputTypes }) {
  const dynamic = Object.entries(inputFields ?? {}).filter(([, { dynamic }]) => isFunction(dynamic));
  return {
    label,
    description: description ?? "",
    inputFields: plain(inputFields ?? {}),
    outputTypes: plain(outputTypes ?? {}),
    dynamicFields: dynamic.map(([key]) => key),
  };
}

const isFunction = (value) => typeof value === "function";

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** Places of the functions in nested objects. */
function functionsIn(object, prefix = "") {
  return Object.entries(object).flatMap(([key, value]) =>
    isFunction(value) ? [prefix + key] : functionsIn(value ?? {}, `${prefix}${key}.`),
  );
}

/** A value as JSON has it, with `true` for a function. */
function plain(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value, (_, each) => (isFunction(each) ? true : each)));
}

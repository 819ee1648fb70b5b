// Names that the console offers for what is new.

/** "Billing Instance #1" for "Billing (Actions)": the first number that no instance has. */
export function offeredName(destination: string, taken: Iterable<string>): string {
  const stem = `${destination.replace(/\s*\(Actions\)\s*$/i, "")} Instance #`;
  const names = new Set(taken);
  let number = 1;
  while (names.has(`${stem}${number}`)) number += 1;
  return `${stem}${number}`;
}

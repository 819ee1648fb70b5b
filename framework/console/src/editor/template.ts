// Reads the text of a template as a row of texts and variables, and writes it again.

/** A variable keeps how it is written: with two braces or three. */
export type Segment = { text: string } | { variable: string; written: string };

const PLACEHOLDER = /{{{\s*([^{}]*?)\s*}}}|{{\s*([^{}]*?)\s*}}/g;

/**
 * Split a template; a text, maybe empty, stands before, between and after the variables, so that
 * something can be typed everywhere.
 */
export function segmentsOf(template: string): Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  for (const found of template.matchAll(PLACEHOLDER)) {
    segments.push({ text: template.slice(at, found.index) }, { variable: found[1] ?? found[2] ?? "", written: found[0] });
    at = found.index + found[0].length;
  }
  return [...segments, { text: template.slice(at) }];
}

export function templateText(segments: readonly Segment[]): string {
  return segments.map((each) => ("text" in each ? each.text : each.written)).join("");
}

/** Put a variable into the text at a position, or behind that text if there is none. */
export function inserted(segments: readonly Segment[], at: number, caret: number | undefined, variable: string): Segment[] {
  return segments.flatMap((each, index) => {
    if (index !== at || !("text" in each)) return [each];
    const cut = caret ?? each.text.length;
    return [{ text: each.text.slice(0, cut) }, { variable, written: `{{${variable}}}` }, { text: each.text.slice(cut) }];
  });
}

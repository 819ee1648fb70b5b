// Descriptions as plugins write them: text with a little Markdown; anything else in them stays text.
import type { ComponentChildren, JSX } from "preact";

const PARTS = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>)]*[^\s<>).,;:])/g;

/** Code, bold and links of a text on one line; a link goes to the web only if it is clicked. */
export function Prose({ text }: { text: string }): JSX.Element {
  const shown: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    const [whole, code, bold, label, href, url] = match;
    shown.push(text.slice(end, match.index));
    if (code !== undefined) shown.push(<code>{code}</code>);
    else if (bold !== undefined) shown.push(<strong>{bold}</strong>);
    else
      shown.push(
        <a href={href ?? url ?? ""} target="_blank" rel="noreferrer">
          {label ?? url}
        </a>,
      );
    end = match.index + whole.length;
  }
  shown.push(text.slice(end));
  return <>{shown}</>;
}

/** The same without its marks, for where links have no place. */
export function plainText(text: string): string {
  return text.replaceAll(PARTS, (_, code, bold, label, __, url) => String(code ?? bold ?? label ?? url));
}

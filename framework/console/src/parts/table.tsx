// A table whose rows become blocks where the window is narrow.
import type { ComponentChildren, JSX } from "preact";

/**
 * The first cell of each row names the row. The roles are written out, as a table that is not laid
 * out as one loses them.
 */
export function Table({
  label,
  heads,
  rows,
}: {
  label: string;
  heads: string[];
  rows: ComponentChildren[][];
}): JSX.Element {
  return (
    <table class="data-table" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {heads.map((each) => (
            <th key={each} scope="col" role="columnheader">
              {each}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(([name, ...cells], row) => (
          <tr key={row} role="row">
            <th scope="row" role="rowheader">
              {name}
            </th>
            {cells.map((cell, column) => (
              <td key={column} role="cell" data-head={heads[column + 1]}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

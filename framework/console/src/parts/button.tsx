// Buttons and links that look like buttons.
import type { ButtonHTMLAttributes, ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon";

type Look = "primary" | "secondary" | "quiet" | "danger";

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "type" | "role" | "disabled"> {
  look?: Look;
  icon?: IconName;
  /** Shows that work goes on, and takes no further click. */
  isBusy?: boolean;
  type?: "button" | "submit";
  disabled?: boolean;
  children?: ComponentChildren;
}

/** A button with a text, and maybe an icon before it. */
export function Button({ look = "secondary", icon, isBusy = false, children, ...rest }: ButtonProps): JSX.Element {
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${look} ${rest.class ?? ""}`}
      aria-busy={isBusy}
      disabled={rest.disabled === true || isBusy}
    >
      {icon && <Icon name={icon} size={16} />}
      {children}
    </button>
  );
}

/** A button that shows only an icon; `label` is its name. */
export function IconButton({
  icon,
  label,
  ...rest
}: Omit<ButtonProps, "children" | "label"> & { icon: IconName; label: string }): JSX.Element {
  return (
    <Button look="quiet" {...rest} icon={icon} aria-label={label} title={label} class={`button-icon ${rest.class ?? ""}`} />
  );
}

/** A link that looks like a button: it goes to another page. */
export function ButtonLink({
  href,
  look = "secondary",
  icon,
  children,
}: {
  href: string;
  look?: Look;
  icon?: IconName;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <a href={href} class={`button button-${look}`}>
      {icon && <Icon name={icon} size={16} />}
      {children}
    </a>
  );
}

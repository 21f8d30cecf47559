import { MoreHorizontal } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { texts } from "@/texts";
import { IconButton } from "./button";
import { cx } from "./cx";

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

interface MenuProps {
  /** What opens it: one button. */
  trigger: ReactNode;
  items: (MenuItem | "line" | null | false)[];
}

/** What else can be done. Not modal: a modal one injects styles that the page's policy refuses. */
export function Menu({ trigger, items }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={5}
          collisionPadding={8}
          className="z-50 min-w-44 rounded-lg border border-line bg-raised p-1 shadow-pop"
        >
          {items.map((item, at) => {
            if (!item) return null;
            if (item === "line") {
              return <DropdownMenu.Separator key={`line-${at}`} className="my-1 h-px bg-line" />;
            }
            return (
              <DropdownMenu.Item
                key={item.label}
                disabled={item.disabled}
                onSelect={item.onSelect}
                className={cx(
                  "flex h-8 cursor-pointer items-center gap-2 rounded-sm px-2 text-sm outline-none select-none",
                  "data-highlighted:bg-hover data-disabled:pointer-events-none data-disabled:opacity-55 [&_svg]:size-4",
                  item.danger ? "text-bad" : "text-text [&_svg]:text-muted",
                )}
              >
                {item.icon}
                {item.label}
              </DropdownMenu.Item>
            );
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** What else can be done, behind three dots; `of` says with what, where a screen has several. */
export function MoreMenu({ of, items }: { of?: string; items: MenuProps["items"] }) {
  const label = of ? `${texts.common.moreActions}: ${of}` : texts.common.moreActions;
  return (
    <Menu
      trigger={
        <IconButton label={label}>
          <MoreHorizontal aria-hidden />
        </IconButton>
      }
      items={items}
    />
  );
}

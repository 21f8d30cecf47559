import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { cx } from "./cx";

const FROM = {
  sm: "max-sm:hidden",
  md: "max-md:hidden",
  lg: "max-lg:hidden",
  xl: "max-xl:hidden",
};

interface Column {
  label: string;
  /** Figures stand on the right. */
  right?: boolean;
  /** From which width on it is shown; what is hidden can be found on the row's own page. */
  from?: keyof typeof FROM;
  /** For screen readers only. */
  hidden?: boolean;
  width?: string;
}

/** Whether what is inside is wider: then it must be reachable by keyboard, to be scrolled. */
function useScrolls(box: RefObject<HTMLElement | null>): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setScrolls(element.scrollWidth > element.clientWidth));
    watch.observe(element);
    if (element.firstElementChild) watch.observe(element.firstElementChild);
    return () => watch.disconnect();
  }, [box]);
  return scrolls;
}

interface TableProps {
  /** What it lists, for screen readers. */
  caption: string;
  columns: Column[];
  children: ReactNode;
}

export function Table({ caption, columns, children }: TableProps) {
  const box = useRef<HTMLElement>(null);
  const scrolls = useScrolls(box);
  return (
    <section
      ref={box}
      aria-label={scrolls ? caption : undefined}
      tabIndex={scrolls ? 0 : undefined}
      className="overflow-x-auto focus-visible:-outline-offset-2"
    >
      <table className="w-full border-collapse text-sm">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line">
            {columns.map((column) => (
              <th
                key={column.label}
                scope="col"
                className={cx(
                  "h-9 px-4 text-left text-xs font-medium whitespace-nowrap text-muted",
                  column.right && "text-right",
                  column.from && FROM[column.from],
                  column.width,
                )}
              >
                {column.hidden ? <span className="sr-only">{column.label}</span> : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export function Row({ fresh, children }: { fresh?: boolean; children: ReactNode }) {
  return (
    <tr
      className={cx(
        "relative border-b border-line last:border-0 hover:bg-hover has-[a:focus-visible]:bg-hover",
        fresh && "arrive",
      )}
    >
      {children}
    </tr>
  );
}

interface CellProps {
  right?: boolean;
  from?: keyof typeof FROM;
  className?: string;
  colSpan?: number;
  children?: ReactNode;
}

export function Cell({ right, from, className, colSpan, children }: CellProps) {
  return (
    <td
      colSpan={colSpan}
      className={cx(
        "h-11 px-4 py-1.5",
        right && "text-right whitespace-nowrap",
        from && FROM[from],
        className,
      )}
    >
      {children}
    </td>
  );
}

/** On a link inside a row: the whole row follows it. */
export const rowLink = "font-medium after:absolute after:inset-0 hover:underline";
/** On what else can be pressed inside such a row. */
export const aboveRow = "relative z-10";

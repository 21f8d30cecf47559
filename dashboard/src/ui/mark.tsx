import { cx } from "./cx";

/** The product's mark. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={cx("shrink-0", className ?? "size-6")}>
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <g className="fill-none stroke-on-accent" strokeWidth="2.6" strokeLinecap="round">
        <path d="M8 10.5h9.5a5.5 5.5 0 0 1 0 11H14" />
        <path d="M8 16h6.5" />
      </g>
      <circle cx="9.5" cy="21.5" r="1.9" className="fill-on-accent" />
    </svg>
  );
}

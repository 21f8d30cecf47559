import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { texts } from "@/texts";
import { Button, type ButtonKind, IconButton } from "./button";
import { cx } from "./cx";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  hint?: ReactNode;
  wide?: boolean;
  /** Comes in from the left, as tall as the window. */
  drawer?: boolean;
  footer?: ReactNode;
  children?: ReactNode;
}

/**
 * A modal dialog on the platform's own `<dialog>`: it traps and returns the focus, closes by
 * Escape and makes the rest inert, without injecting styles as the page's policy would refuse.
 */
export function Dialog({ open, ...rest }: DialogProps) {
  // A part of its own, whose end comes before its element leaves the page.
  return open ? <OpenDialog {...rest} /> : null;
}

function OpenDialog(props: Omit<DialogProps, "open">) {
  const { onClose, title, hint, wide, drawer, footer, children } = props;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // Where one goes on: the first field, else the first button below, rather than the cross.
    const first =
      dialog?.querySelector<HTMLElement>(`[data-part="body"] :is(input, select, textarea)`) ??
      dialog?.querySelector<HTMLElement>(`[data-part="footer"] button`);
    first?.focus();
    // Closed while it is still in the page: only then the focus goes back to where it was.
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // The event comes later than the deed: by then it may be open again, or gone.
      onClose={() => ref.current && !ref.current.open && onClose()}
      onMouseDown={(event) => event.target === event.currentTarget && onClose()}
      className={cx(
        "overscroll-contain border border-line bg-raised p-0 text-left text-text shadow-pop",
        drawer
          ? "drawer m-0 h-dvh max-h-none w-64 border-y-0 border-l-0"
          : cx(
              "m-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] rounded-lg",
              wide ? "max-w-2xl" : "max-w-md",
            ),
      )}
    >
      <div className="flex max-h-[inherit] flex-col">
        <div className="flex items-start justify-between gap-4 px-5 pt-4 pb-1">
          <div className="min-w-0">
            <h2 id={id} className="text-lg font-semibold tracking-tight">
              {title}
            </h2>
            {hint && <p className="mt-0.5 text-sm text-muted">{hint}</p>}
          </div>
          <IconButton label={texts.common.close} onClick={onClose} className="-mr-2">
            <X aria-hidden />
          </IconButton>
        </div>
        <div data-part="body" className="min-h-0 flex-1 overflow-y-auto px-5 py-3">
          {children}
        </div>
        {footer && (
          <div
            data-part="footer"
            className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3"
          >
            {footer}
          </div>
        )}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  action: string;
  kind?: ButtonKind;
  busy?: boolean;
  error?: string | null;
  onConfirm: () => void;
  children?: ReactNode;
}

/** Asks before something that cannot be taken back easily. */
export function Confirm(props: ConfirmProps) {
  const { open, onClose, title, action, kind = "primary", busy, error, onConfirm } = props;
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button kind={kind} busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3 text-sm">
        {props.children}
        {error && (
          <p role="alert" className="text-bad">
            {error}
          </p>
        )}
      </div>
    </Dialog>
  );
}

import { Eye, EyeOff } from "lucide-react";
import { useEffect, useState } from "react";
import { texts } from "@/texts";
import { Button } from "./button";
import { CopyButton } from "./code";
import { toast } from "./toast";

/** For how long a secret stays on the screen. */
const SHOWN_SECONDS = 30;

interface SecretFieldProps {
  /** Asks for it; it is kept no longer than it is shown. */
  fetchSecret: () => Promise<{ key: string }>;
  mayReveal: boolean;
  /** What such secrets begin with, shown while it is masked. */
  prefix?: string;
}

const t = texts.secret;

/** A secret: shown by a deliberate act, and masked again by itself. */
export function SecretField({ fetchSecret, mayReveal, prefix = "whsec_" }: SecretFieldProps) {
  const [secret, setSecret] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (secret === null) return;
    setLeft(SHOWN_SECONDS);
    const timer = setInterval(() => setLeft((seconds) => seconds - 1), 1000);
    const end = setTimeout(() => setSecret(null), SHOWN_SECONDS * 1000);
    return () => {
      clearInterval(timer);
      clearTimeout(end);
    };
  }, [secret]);
  const reveal = async () => {
    setBusy(true);
    try {
      setSecret((await fetchSecret()).key);
    } catch (error) {
      toast.bad(error);
    }
    setBusy(false);
  };
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex min-h-9 items-center gap-2 rounded-md border border-line bg-sunken py-1 pr-1 pl-3">
        <code
          data-testid="secret"
          className="min-w-0 flex-1 font-mono text-xs [overflow-wrap:anywhere]"
        >
          {secret ?? (
            <>
              <span aria-hidden>{prefix + "•".repeat(16)}</span>
              <span className="sr-only">{t.masked}</span>
            </>
          )}
        </code>
        {secret !== null && <CopyButton text={secret} />}
        {mayReveal && (
          <Button
            small
            kind="ghost"
            busy={busy}
            icon={secret === null ? <Eye aria-hidden /> : <EyeOff aria-hidden />}
            onClick={() => (secret === null ? void reveal() : setSecret(null))}
          >
            {secret === null ? t.reveal : t.hide}
          </Button>
        )}
      </div>
      <p className="text-xs text-muted">{secret === null ? t.hint : t.hiddenAgain(left)}</p>
    </div>
  );
}
